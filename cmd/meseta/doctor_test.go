package main_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// TestDoctor examines a cluster that is well and one that is not, as people and as programs do.
func TestDoctor(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	await(t, "the agent", func() bool { return strings.Contains(c.meseta("status", "-o", "json").out.String(), `"active":1`) })
	_, port, _ := strings.Cut(c.at, ":")
	p := c.begin("doctor", "--master="+c.at, "--work_dir=M,A", "--ip=127.0.0.1", "--port="+port)
	if code := p.code(); code == 2 || code == 3 {
		t.Errorf("a cluster that is well: exit code %d\n%s%s", code, p.out, p.err)
	}
	for _, line := range []string{`ok   port ` + port + ` +a node speaking Mesos`, `ok   disk M +the registry can be read: records \d+, epoch 1`, `ok   disk A +the last checkpoint is`,
		`ok   master ` + c.at + ` +speaks Mesos [0-9.]+; ` + c.at + ` leads, it says`, `ok   clock of ` + c.at + ` +agrees with ours`, `ok   agents +1 of 1 are at work`, `\d+ ok, \d+ to look at, 0 failing\n$`} {
		if !regexp.MustCompile(line).MatchString(p.out.String()) {
			t.Errorf("%s is not in\n%s", line, p.out)
		}
	}
	bad := c.meseta("doctor", "--master=127.0.0.1:1", "--work_dir=M", "--election=consul://127.0.0.1:1/x", "--zk=zk://127.0.0.1:1/x", "-o", "json").ends(2)
	var report struct {
		Worst    string
		Findings []struct{ Check, Level, Text, Remedy string }
	}
	if err := json.Unmarshal([]byte(bad.out.String()), &report); err != nil || report.Worst != "fail" {
		t.Fatalf("%v\n%s", err, bad.out)
	}
	failing := map[string]bool{}
	for _, f := range report.Findings {
		if f.Level == "fail" {
			failing[f.Check] = f.Remedy != ""
		}
	}
	for _, check := range []string{"consul 127.0.0.1:1", "zookeeper 127.0.0.1:1", "master 127.0.0.1:1", "agents"} {
		if !failing[check] {
			t.Errorf("%s does not fail, or nobody says what to do: %s", check, bad.out)
		}
	}
	for _, wrong := range [][]string{{"--port=0"}, {"--prot=1"}, {"me"}, {"--election=etcd://x"}, {"--zk=zk://x"}, {"--output=xml"}, {"--tls_cert=x"}} {
		c.meseta(append([]string{"doctor"}, wrong...)...).says(3, "meseta: ")
	}
}

package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asking are the commands that ask a master, as they are typed.
var asking = [][]string{{"status"}, {"agents"}, {"frameworks"}, {"tasks"}, {"roles"}, {"offers"}, {"describe", "x"}, {"why", "x"}, {"logs", "x"},
	{"ls", "x"}, {"cat", "x", "y"}, {"get", "x", "y"}, {"kill", "x"}, {"teardown", "--yes", "x"}, {"events"}}

func TestEveryCommandWithoutAMasterSaysSo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, args := range asking {
		p := start(t, dir, append(args, "--master=127.0.0.1:1")...)
		p.says(1, `the master at 127\.0\.0\.1:1 cannot be reached: is it running\? Name another with --master=HOST:PORT, or start a cluster with: meseta dev`)
		start(t, dir, append(args, "--master=no.such.host.invalid")...).says(2, `no host is called no\.such\.host\.invalid`)
	}
}

func TestOneOfSeveralMastersIsEnough(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	both := "--master=127.0.0.1:1," + c.at
	for _, args := range [][]string{{"status"}, {"agents"}, {"tasks"}} {
		start(t, c.dir, append(args, both)...).says(0)
	}
	start(t, c.dir, "run", both, "--", "echo hi").says(0, `(?m)^hi$`)
	start(t, c.dir, "describe", "x", both).says(1, "nothing is called x")
}

// A cluster that wants to know who asks, and lets only one do everything.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	c := &testCluster{t: t, dir: t.TempDir()}
	write(t, c.dir, map[string]string{
		"known": `{"credentials": [{"principal": "ops", "secret": "canary-7fa3"}, {"principal": "guest", "secret": "canary-91bc"}]}`,
		"ops":   "ops canary-7fa3", "guest": `{"principal": "guest", "secret": "canary-91bc"}`, "wrong": "ops canary-0000", "empty": "",
		"acls": `{"teardown_frameworks": [{"principals": {"values": ["ops"]}, "framework_principals": {"type": "ANY"}}, {"principals": {"type": "ANY"}, "framework_principals": {"type": "NONE"}}]}`,
		"secret.json": `{"name": "secretive", "command": {"value": "test -n \"$TOKEN\" && echo has it", "environment": {"variables": [{"name": "TOKEN", "type": "SECRET",
			"secret": {"type": "VALUE", "value": {"data": "Y2FuYXJ5LWQwYjE="}}}]}}}`,
	})
	c.startMaster("0", "--credentials=known", "--acls=file://"+filepath.Join(c.dir, "acls"), "--authenticate_http_readonly", "--authenticate_http_readwrite", "--authenticate_frameworks",
		"--http_authenticators=basic", "--authenticate_agents", "--logging_level=DEBUG")
	c.agent = start(t, c.dir, "agent", "--master="+c.at, "--ip=127.0.0.1", "--port=0", "--work_dir=A", "--hostname=a.example", "--credential=ops", "--http_credentials=known",
		"--authenticate_http_readonly", "--authenticate_http_readwrite", "--http_authenticators=basic", "--registration_backoff_factor=10ms", "--resources=cpus:4;mem:4096", "--logging_level=DEBUG")
	c.agent.sees(c.agent.out, `listening on (\S+),`)
	var said []*program
	as := func(who string, args ...string) *program {
		p := startAs(t, binary, c.dir, []string{"MESETA_MASTER=" + c.at, "MESETA_CREDENTIAL=" + who}, args...)
		said = append(said, p)
		return p
	}
	for _, args := range asking {
		c.begin(args...).says(1, `it wants to know who asks: name a file with a principal and a secret with --credential`)
		as("wrong", args...).says(1, `it does not know this principal with this secret`)
	}
	as("empty", "status").says(2, `--credential=empty: the file is empty; write a principal and a secret into it`)
	as("nowhere", "status").says(2, `--credential: open nowhere: no such file`)
	as("guest", "status").says(0, "Leader")
	p := as("ops", "run", "--name=job", "--", "echo in; sleep 1000")
	p.sees(p.out, "in\n")
	as("guest", "logs", "job").says(0, `^in\n`)
	as("guest", "kill", "job").says(1, `master \S+: to kill a task .* takes the right to tear the framework down`)
	as("guest", "teardown", "--yes", "meseta run job").says(1, `principal 'guest' may not TEARDOWN_FRAMEWORK`)
	as("ops", "kill", "job").says(0, `is killed`)
	p.ends(143)
	as("ops", "run", "--", "echo with a credential").says(0, `(?m)^with a credential$`)
	as("guest", "run", "-d", "--name=alone", "--", "sleep 1000").says(0, `alone`)
	as("ops", "kill", "alone").says(0, `is killed`)

	// Nobody is told a secret: not by what was printed, not by the servers' logs, nor by what the cluster answers.
	run := as("ops", "run", "--file=secret.json")
	run.code()
	as("ops", "run", "--verbose", "--credential=ops").ends(125)
	for _, args := range [][]string{{"status"}, {"tasks", "--all"}, {"frameworks", "--all"}, {"agents"}, {"roles"}, {"describe", "secretive"}, {"describe", "meseta run secretive"}, {"describe", "a.example"}} {
		for _, form := range []string{"table", "json"} {
			as("ops", append(args, "-o", form)...).code()
		}
	}
	logs, err := filepath.Glob(filepath.Join(c.dir, ".meseta/runs/*"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	for _, name := range logs {
		if text := strings.Join(lines(t, name), "\n"); strings.Contains(text, "canary") {
			t.Errorf("%s tells a secret:\n%s", name, text)
		}
	}
	for _, p := range append(said, c.master, c.agent) {
		text := p.out.String() + p.err.String()
		for _, secret := range []string{"canary", "Y2FuYXJ5"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s tells a secret:\n%s", p.cmd, text)
			}
		}
	}
}

// certified is a directory with an authority and a certificate for this machine.
func certified(t *testing.T) (dir string, flags []string) {
	t.Helper()
	dir = t.TempDir()
	issue := func(name string, template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if by == nil {
			parent, by = template, key
		}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, map[string]string{
			name + ".pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
			name + ".key": string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})),
		})
		return template, key
	}
	ca, key := issue("ca", &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	issue("node", &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "node"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, ca, key)
	at := func(name string) string { return filepath.Join(dir, name) }
	return dir, []string{"--tls_cert=" + at("node.pem"), "--tls_key=" + at("node.key"), "--tls_ca=" + at("ca.pem")}
}

func TestEverythingOverTLS(t *testing.T) {
	t.Parallel()
	dir, flags := certified(t)
	c := &testCluster{t: t, dir: t.TempDir()}
	c.startMaster("0", flags...)
	c.agent = start(t, c.dir, append([]string{"agent", "--master=" + c.at, "--ip=127.0.0.1", "--port=0", "--work_dir=A", "--hostname=a.example",
		"--registration_backoff_factor=10ms", "--resources=cpus:4;mem:4096"}, flags...)...)
	c.agent.sees(c.agent.err, "a member of the cluster")
	p := c.begin(append(append([]string{"run", "--name=job"}, flags...), "--", "echo in; sleep 1000")...)
	p.sees(p.out, "in\n")
	ca := "--tls_ca=" + filepath.Join(dir, "ca.pem")
	c.meseta("status", ca).says(0, "1 active")
	c.meseta("logs", ca, "job").says(0, "^in\n")
	c.meseta("ls", ca, "job").says(0, "stdout")
	startAs(t, binary, c.dir, []string{"MESETA_MASTER=" + c.at, "MESETA_TLS_CA=" + filepath.Join(dir, "ca.pem")}, "tasks").says(0, "job")
	c.meseta("kill", ca, "job").says(0, "is killed")
	p.ends(143)
	c.meseta("status").says(1, `it speaks TLS: name the certificate of its authority with --tls_ca`)
	other, _ := certified(t)
	c.meseta("status", "--tls_ca="+filepath.Join(other, "ca.pem")).says(1, `the certificate of the master at \S+ is not to be trusted: .*; --tls_ca names the authority that is`)
	c.meseta("status", "--tls_ca=nowhere").says(2, `--tls_ca: open nowhere`)
}

// The command line wins over the environment, and that over what the user always wants.
func TestWhoseWishCounts(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.agent.sees(c.agent.err, `a member of the cluster`)
	home := filepath.Join(c.dir, "home")
	if err := os.MkdirAll(filepath.Join(home, ".meseta"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := func(text string) { write(t, home, map[string]string{".meseta/config": text}) }
	agents := func(env []string, args ...string) *program {
		return startAs(t, binary, c.dir, append(env, "HOME="+home), append([]string{"agents"}, args...)...)
	}
	bad := "127.0.0.1:1"
	config("master: " + c.at + "\noutput: json\n")
	agents(nil).says(0, `^\{"agents":`)
	agents(nil, "-o", "table").says(0, `^ID `)
	agents([]string{"MESETA_MASTER=" + bad}).says(1, "the master at "+bad)
	agents([]string{"MESETA_MASTER=" + bad}, "--master="+c.at).says(0)
	config("master: " + bad + "\n")
	agents(nil).says(1, "the master at "+bad)
	agents([]string{"MESETA_MASTER=" + c.at}).says(0)
	agents([]string{"MESOS_MASTER=" + c.at}).says(0)
	agents([]string{"MESETA_MASTER=" + c.at, "MESOS_MASTER=" + bad}).says(0)
	startAs(t, binary, c.dir, []string{"HOME=" + home, "MESETA_MASTER=" + c.at}, "run", "-q", "--", "echo hi").says(0, "^hi\n$")
	config("mastre: x\n")
	agents(nil).says(2, `config: unknown setting mastre: did you mean master\?`)
	config("master: [\n")
	agents(nil).says(2, regexp.QuoteMeta(home)+`/\.meseta/config`)
	agents(nil, "--master="+c.at).ends(2) // a file that cannot be read may say what matters
}

func TestCompletionKnowsTheCluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	id, p := c.job("job", "echo in; sleep 1000")
	for _, x := range []struct {
		args []string
		want string
	}{
		{[]string{"describe", "job"}, `(?m)^` + id + `\trunning on a\.example\n:4$`},
		{[]string{"describe", ""}, `(?ms)^` + id + `\t.*-0000\tmeseta run job.*-S0\ta\.example`},
		{[]string{"logs", ""}, `(?m)^` + id},
		{[]string{"kill", ""}, `(?m)^` + id},
		{[]string{"teardown", ""}, `-0000\tmeseta run job`},
		{[]string{"tasks", "--state", "fin"}, `(?m)^finished$`},
		{[]string{"tasks", "--agent", ""}, `(?m)^\S+-S0\ta\.example$`},
		{[]string{"tasks", "--framework", ""}, `-0000\tmeseta run job`},
		{[]string{"agents", "--output", ""}, `(?m)^table\n.*json`},
		{[]string{"events", "--type", "TASK_U"}, `(?m)^TASK_UPDATED$`},
		{[]string{"desc"}, `(?m)^describe\t`},
	} {
		c.meseta(append([]string{"__complete"}, x.args...)...).says(0, x.want)
	}
	// Without a cluster there is nothing, soon, and without a word.
	q := start(t, c.dir, "__complete", "describe", "--master=127.0.0.1:1", "")
	if q.ends(0); strings.TrimSpace(q.out.String()) != ":4" {
		t.Errorf("%q", q.out)
	}
	p.signal(syscall.SIGINT)
	p.ends(130)
}

package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// says checks that a report has a line of a level with these words, and that whatever is not well has a remedy.
func says(t *testing.T, report []Finding, level Level, words string) {
	t.Helper()
	for _, f := range report {
		if f.Level == level && strings.Contains(f.Text, words) {
			return
		}
	}
	t.Errorf("no %s with %q in %+v", level, words, report)
}

// fake is a machine of files.
func fake(t *testing.T, files map[string]string) Machine {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(root+name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Machine{Root: root, Now: func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }}
}

const (
	two   = "30 23 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n"
	one   = "31 30 0:27 / /sys/fs/cgroup/cpu rw shared:10 - cgroup cgroup rw,cpu\n"
	admin = "Name:\tx\nCapEff:\t000001ffffffffff\n"
)

func TestKernel(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		level Level
		words string
	}{
		{"a new one", map[string]string{"/proc/sys/kernel/osrelease": "6.1.0-13-amd64\n"}, OK, "Linux 6.1.0-13-amd64"},
		{"an old one", map[string]string{"/proc/sys/kernel/osrelease": "4.19.0\n"}, Warn, "Linux 4.19.0 is old"},
		{"none", nil, Warn, "cannot be read"},
		{"version 2", map[string]string{"/proc/self/mountinfo": two}, OK, "version 2 at /sys/fs/cgroup"},
		{"version 1", map[string]string{"/proc/self/mountinfo": one}, Warn, "version 1"},
		{"both", map[string]string{"/proc/self/mountinfo": one + two}, Warn, "hybrid"},
		{"no cgroups", map[string]string{"/proc/self/mountinfo": "broken\n"}, Warn, "none are mounted"},
		{"no BTF", map[string]string{"/proc/self/status": admin}, Warn, "(BTF)"},
		{"all", map[string]string{"/proc/self/status": admin, "/sys/kernel/btf/vmlinux": ""}, OK, "may load programs"},
		{"only the two", map[string]string{"/proc/self/status": "CapEff:\t000000c000000000\n", "/sys/kernel/btf/vmlinux": ""}, OK, "may load programs"},
		{"nothing", map[string]string{"/proc/self/status": "CapEff:\t0000000000000000\n", "/sys/kernel/btf/vmlinux": ""}, Warn, "may load no programs"},
		{"no right to isolate", map[string]string{"/proc/self/mountinfo": two}, Warn, "isolated from nobody"},
		{"nothing to isolate with", map[string]string{"/proc/self/status": admin}, Warn, "without control groups"},
		{"some namespaces", map[string]string{"/proc/self/status": admin, "/proc/self/mountinfo": two, "/proc/self/ns/mnt": "", "/proc/self/ns/pid": ""}, Warn, "no namespaces for: cgroup, ipc, net, user, uts"},
		{"all namespaces", map[string]string{"/proc/self/status": admin, "/proc/self/mountinfo": two, "/proc/self/ns/mnt": "", "/proc/self/ns/pid": "",
			"/proc/self/ns/cgroup": "", "/proc/self/ns/ipc": "", "/proc/self/ns/net": "", "/proc/self/ns/user": "", "/proc/self/ns/uts": ""}, OK, "namespaces: cgroup, ipc, mnt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			says(t, Examine(t.Context(), []Check{fake(t, c.files).Kernel()}), c.level, c.words)
		})
	}
}

func TestLimits(t *testing.T) {
	says(t, []Finding{openFiles(1024, 1<<20)}, OK, "1048576 files")
	says(t, []Finding{openFiles(1024, 4096)}, Warn, "4096 files")
	says(t, []Finding{openFiles(256, 256)}, Fail, "only 256 files")
	if report := Examine(t.Context(), []Check{This().Limits()}); len(report) != 1 {
		t.Errorf("%+v", report)
	}
}

func TestDisk(t *testing.T) {
	m := This()
	report := Examine(t.Context(), []Check{m.Disk(filepath.Join(t.TempDir(), "not", "yet"))})
	says(t, report, OK, "not there yet")
	dir := t.TempDir()
	says(t, Examine(t.Context(), []Check{m.Disk(dir)}), OK, "a durable write takes")
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "registry.db"), []byte("spilt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "meta", "slaves"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "meta", "slaves", "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	report = Examine(t.Context(), []Check{m.Disk(dir)})
	says(t, report, Fail, "the registry cannot be read")
	says(t, report, OK, "the last checkpoint is")
	m.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	says(t, m.contents("disk", dir), Warn, "in the future")
	says(t, []Finding{room("disk", 10<<20, 100<<30)}, Fail, "10 of 102400 MiB")
	says(t, []Finding{room("disk", 5<<30, 100<<30)}, Warn, "5120 of")
	says(t, []Finding{room("disk", 50<<30, 100<<30)}, OK, "51200 of")
	says(t, []Finding{speed("disk", 30*time.Millisecond, nil)}, Warn, "30ms")
	says(t, []Finding{speed("disk", 300*time.Millisecond, nil)}, Fail, "300ms")
	says(t, []Finding{speed("disk", 0, fs.ErrPermission)}, Fail, "nothing can be written")
	says(t, []Finding{speed("disk", 0, unix.EOPNOTSUPP)}, Warn, "cannot be measured")
	says(t, []Finding{speed("disk", 0, unix.EIO)}, Fail, "a write failed")
	says(t, Examine(t.Context(), []Check{m.Disk("/proc/self/fdinfo")}), Fail, "")
}

// TestHangs: what never comes back has failed, and keeps nothing else waiting.
func TestHangs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := make(chan struct{})
	report := Examine(ctx, []Check{{"hung", func(context.Context) []Finding { <-never; return nil }}})
	says(t, report, Fail, "no answer within")
	close(never)
}

// answers is a server that says the same to everybody.
func answers(t *testing.T, paths map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said, there := paths[r.URL.Path]
		if date := paths["date"]; date != "" {
			w.Header().Set("Date", date)
		}
		if to, redirects := strings.CutPrefix(said, "→"); redirects {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		if !there {
			w.WriteHeader(http.StatusForbidden)
		}
		fmt.Fprint(w, said)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	says(t, Examine(t.Context(), []Check{This().Port("127.0.0.1", port, nil)}), OK, "free")
	says(t, Examine(t.Context(), []Check{This().Port("192.0.2.1", port, nil)}), Fail, "no address 192.0.2.1")
	portOf := func(at string) (port uint16) {
		_, text, _ := net.SplitHostPort(at)
		_, _ = fmt.Sscan(text, &port)
		return port
	}
	ours := portOf(answers(t, map[string]string{"/version": `{"version":"1.12.0"}`}))
	says(t, Examine(t.Context(), []Check{This().Port("127.0.0.1", ours, nil)}), OK, "a node speaking Mesos 1.12.0")
	says(t, Examine(t.Context(), []Check{This().Port("", ours, nil)}), OK, "a node speaking Mesos 1.12.0")
	other := portOf(answers(t, map[string]string{"/version": "nginx"}))
	says(t, Examine(t.Context(), []Check{This().Port("127.0.0.1", other, nil)}), Fail, "another program")
}

func TestName(t *testing.T) {
	says(t, Examine(t.Context(), []Check{This().Name("no-such-host.invalid")}), Warn, "is not known")
	says(t, []Finding{resolved("m1", []string{"127.0.1.1", "::1"}, nil)}, Warn, "every machine's own")
	says(t, []Finding{resolved("m1", []string{"127.0.1.1", "10.0.0.1"}, nil)}, OK, "10.0.0.1")
}

// issue makes a certificate of an authority, and returns the files.
func issue(t *testing.T, from, until time.Time, name string) (cert, key, ca string) {
	t.Helper()
	dir := t.TempDir()
	make := func(template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if parent == nil {
			parent, by = template, own
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &own.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return parsed, own, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	root, rootKey, rootPEM := make(&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: from.Add(-time.Hour), NotAfter: until.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}, nil, nil)
	_, own, leafPEM := make(&x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: from, NotAfter: until, DNSNames: []string{name}}, root, rootKey)
	der, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return write("cert.pem", leafPEM), write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})), write("ca.pem", rootPEM)
}

func TestCertificate(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	m := Machine{Now: func() time.Time { return now }}
	day := 24 * time.Hour
	for _, c := range []struct {
		name        string
		from, until time.Duration
		level       Level
		words       string
	}{
		{"a year left", -day, 365 * day, OK, "valid until 2027-06-01"},
		{"ends soon", -day, 10 * day, Warn, "valid until 2026-06-11"},
		{"over", -10 * day, -day, Fail, "was valid until 2026-05-31"},
		{"not yet", day, 365 * day, Fail, "valid from 2026-06-02"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cert, key, ca := issue(t, now.Add(c.from), now.Add(c.until), "m1")
			report := Examine(t.Context(), []Check{m.Certificate(cert, key, ca, []string{"m1"})})
			says(t, report, c.level, c.words)
			if len(report) != 1 {
				t.Errorf("%+v", report)
			}
		})
	}
	cert, key, ca := issue(t, now.Add(-day), now.Add(365*day), "m1")
	_, otherKey, otherCA := issue(t, now.Add(-day), now.Add(365*day), "m1")
	says(t, Examine(t.Context(), []Check{m.Certificate(cert, key, ca, []string{"m2"})}), Fail, "not m2")
	says(t, Examine(t.Context(), []Check{m.Certificate(cert, otherKey, ca, nil)}), Fail, "does not match")
	says(t, Examine(t.Context(), []Check{m.Certificate(cert, key, otherCA, nil)}), Fail, "unknown authority")
	says(t, Examine(t.Context(), []Check{m.Certificate(cert, key, key, nil)}), Fail, "holds no authority")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	says(t, Examine(t.Context(), []Check{m.Certificate(cert, key, ca, nil)}), Warn, "read by others")
}

func TestConsul(t *testing.T) {
	leader, peers := `"10.0.0.1:8300"`, `["a","b","c"]`
	self := func(heartbeat, least string) string {
		return `{"Config":{"Version":"1.22.7"},"DebugConfig":{"ConsulRaftHeartbeatTimeout":"` + heartbeat + `","SessionTTLMin":"` + least + `"}}`
	}
	for _, c := range []struct {
		name  string
		paths map[string]string
		ttl   time.Duration
		level Level
		words string
	}{
		{"well", map[string]string{"/v1/status/leader": leader, "/v1/status/peers": peers, "/v1/agent/self": self("1s", "0s")}, 10 * time.Second, OK, "raft_multiplier is 1"},
		{"its version", map[string]string{"/v1/status/leader": leader, "/v1/agent/self": self("1s", "0s")}, 10 * time.Second, OK, "version 1.22.7"},
		{"servers", map[string]string{"/v1/status/leader": leader, "/v1/status/peers": peers}, 10 * time.Second, OK, "3 servers, of which 1 may fail"},
		{"too few", map[string]string{"/v1/status/leader": leader, "/v1/status/peers": `["a"]`}, 10 * time.Second, Warn, "none may fail"},
		{"an even number", map[string]string{"/v1/status/leader": leader, "/v1/status/peers": `["a","b","c","d"]`}, 10 * time.Second, Warn, "4 of Consul's servers"},
		{"slow raft", map[string]string{"/v1/status/leader": leader, "/v1/agent/self": self("5s", "0s")}, 10 * time.Second, Warn, "raft_multiplier is 5"},
		{"slow raft that is allowed for", map[string]string{"/v1/status/leader": leader, "/v1/agent/self": self("5s", "0s")}, 20 * time.Second, OK, "raft_multiplier is 5"},
		{"too short sessions", map[string]string{"/v1/status/leader": leader, "/v1/agent/self": self("1s", "0s")}, 5 * time.Second, Fail, "its session_ttl_min is 10s"},
		{"short sessions", map[string]string{"/v1/status/leader": leader, "/v1/agent/self": self("1s", "2s")}, 5 * time.Second, OK, "as short as 2s"},
		{"no leader", map[string]string{"/v1/status/leader": `""`}, 10 * time.Second, Fail, "Consul has no leader"},
		{"not for us", map[string]string{"/v1/status/leader": leader}, 10 * time.Second, Warn, "it answers 403"},
		{"something else", map[string]string{}, 10 * time.Second, Fail, "it answers 403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			says(t, Examine(t.Context(), This().Consul(Consul{Servers: []string{answers(t, c.paths)}, TTL: c.ttl})), c.level, c.words)
		})
	}
	says(t, Examine(t.Context(), This().Consul(Consul{Servers: []string{"127.0.0.1:1"}})), Fail, "refused")
}

func TestZooKeeper(t *testing.T) {
	for _, c := range []struct {
		answer string
		level  Level
		words  string
	}{
		{"Zookeeper version: 3.8.0-x, built on 2024\nMode: follower\n", OK, "version 3.8.0-x"},
		{"This ZooKeeper instance is not currently serving requests\n", Fail, "no quorum"},
		{"srvr is not executed because it is not in the whitelist.\n", Warn, "does not say how it is"},
		{"HTTP/1.1 400 Bad Request\r\n\r\n", Fail, "does not answer as ZooKeeper does"},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			conn, err := l.Accept()
			if err == nil {
				_, _ = conn.Read(make([]byte, 4))
				fmt.Fprint(conn, c.answer)
				conn.Close()
			}
		}()
		says(t, Examine(t.Context(), This().ZooKeeper([]string{l.Addr().String()})), c.level, c.words)
	}
	says(t, Examine(t.Context(), This().ZooKeeper([]string{"127.0.0.1:1"})), Fail, "refused")
}

func TestMasters(t *testing.T) {
	leads := func(leader string) map[string]string {
		return map[string]string{"/version": `{"version":"1.12.0"}`, "/redirect": "→//" + leader}
	}
	ask := func(list *masterpb.Response_GetAgents, err error) func(context.Context, *masterpb.Call) (*masterpb.Response, error) {
		return func(context.Context, *masterpb.Call) (*masterpb.Response, error) {
			return &masterpb.Response{GetAgents: list}, err
		}
	}
	examine := func(now func() time.Time, masters ...string) []Finding {
		return Examine(t.Context(), Cluster{Masters: masters, Ask: ask(nil, errors.New("nobody is there"))}.Checks(Machine{Now: now}))
	}
	one, two := answers(t, leads("m1:5050")), answers(t, leads("m1:5050"))
	report := examine(time.Now, one, two)
	says(t, report, OK, "m1:5050 leads, it says")
	says(t, report, OK, "2 of 2 masters are there")
	says(t, report, OK, "agrees with ours")
	says(t, report, OK, "the masters' agree")
	says(t, report, Fail, "nobody is there")
	says(t, examine(time.Now, one), OK, "one master was asked")
	says(t, examine(time.Now, one, "127.0.0.1:1"), Fail, "one of 2 masters is there")
	says(t, examine(time.Now, one, answers(t, leads("m2:5050"))), Fail, "different leaders: m1:5050, m2:5050")
	says(t, examine(time.Now, answers(t, map[string]string{"/version": `{"version":"1.12.0"}`})), Fail, "nobody leads")
	says(t, examine(time.Now, answers(t, map[string]string{"/version": `Consul`})), Fail, "not as a master does")
	older := leads("m1:5050")
	older["/version"] = `{"version":"1.11.0"}`
	says(t, examine(time.Now, one, answers(t, older)), Warn, "1.11.0, 1.12.0")
	off := leads("m1:5050")
	off["date"] = time.Now().Add(-10 * time.Second).UTC().Format(http.TimeFormat)
	report = examine(time.Now, one, answers(t, off))
	says(t, report, Warn, "behind ours")
	says(t, report, Warn, "ahead of")
	says(t, examine(func() time.Time { return time.Now().Add(-time.Hour) }, one), Fail, "ahead of ours")
}

func TestOffset(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(100, 0).Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct {
		before, after, date int
		want                time.Duration
	}{
		{500, 600, 0, 0},
		{500, 1600, 1000, 0},
		{500, 600, 3000, 2400 * time.Millisecond},
		{5500, 5600, 1000, -3500 * time.Millisecond},
	} {
		if got := offset(at(c.before), at(c.after), at(c.date)); got != c.want && got != -c.want || (got < 0) != (c.want < 0) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestAgents(t *testing.T) {
	agent := func(host string, active bool, version string) *masterpb.Response_GetAgents_Agent {
		return &masterpb.Response_GetAgents_Agent{AgentInfo: &mesospb.AgentInfo{Hostname: proto.String(host)}, Active: proto.Bool(active), Version: proto.String(version)}
	}
	draining := agent("d", false, "1.12.0")
	draining.Deactivated = proto.Bool(true)
	says(t, roll(&masterpb.Response_GetAgents{}), Warn, "there are none")
	says(t, roll(&masterpb.Response_GetAgents{Agents: []*masterpb.Response_GetAgents_Agent{agent("a", true, "1.12.0"), draining}}), OK, "1 of 2 are at work")
	var many []*masterpb.Response_GetAgents_Agent
	for i := range 8 {
		many = append(many, agent(fmt.Sprint("a", i), i == 0, "1.12.0"))
	}
	says(t, roll(&masterpb.Response_GetAgents{Agents: many}), Warn, "1 of 8 are at work; away: a1, a2, a3, a4, a5, and 2 more")
	says(t, roll(&masterpb.Response_GetAgents{Agents: []*masterpb.Response_GetAgents_Agent{agent("a", true, "1.12.0"), agent("b", true, "1.11.0")}}), Warn, "1.11.0, 1.12.0")
	says(t, roll(&masterpb.Response_GetAgents{RecoveredAgents: []*mesospb.AgentInfo{{}}}), Warn, "1 that the registry knows")
}

func TestWorst(t *testing.T) {
	for _, c := range []struct {
		levels []Level
		want   Level
	}{{nil, OK}, {[]Level{OK, Warn, OK}, Warn}, {[]Level{Warn, Fail, OK}, Fail}, {[]Level{Fail, Warn}, Fail}} {
		var report []Finding
		for _, l := range c.levels {
			report = append(report, Finding{Level: l})
		}
		if got := Worst(report); got != c.want {
			t.Errorf("%v: %s", c.levels, got)
		}
	}
}

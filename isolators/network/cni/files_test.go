package cni

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// mounted is what a plan mounts on a file, and whether it may be written.
func mounted(t *testing.T, plan *isolators.Plan, target string) (text string, readonly bool) {
	t.Helper()
	for _, m := range plan.Mounts {
		if m.Target == target {
			b, err := os.ReadFile(m.Source)
			if err != nil {
				t.Fatal(err)
			}
			return string(b), m.Flags&unix.MS_RDONLY != 0
		}
	}
	return "nothing", false
}

// The name servers come from the plugins, else from the network's description, else from --default_container_dns, else
// from the machine.
func TestResolver(t *testing.T) {
	const flag = `{"mesos":[{"network_mode":"CNI","network_name":"named","dns":{"nameservers":["8.8.8.1"],"search":["a.org","b.org"],"options":["ndots:2"]}},
		{"network_mode":"CNI","dns":{"nameservers":["8.8.8.2"]}}],"docker":[{"network_mode":"BRIDGE","dns":{"nameservers":["8.8.8.3"]}}]}`
	machine, _ := os.ReadFile("/etc/resolv.conf")
	says := func(servers string) string { return strings.TrimSuffix(answer, "}'") + `,"dns":` + servers + "}'" }
	for _, x := range []struct{ shows, network, script, more, flag, want string }{
		{"what the plugin says", "named", says(`{"nameservers":["9.9.9.9"],"domain":"mesos.test","search":["x.org"],"options":["use-vc"]}`), `,"dns":{"nameservers":["7.7.7.7"]}`, flag,
			"domain mesos.test\nsearch x.org\noptions use-vc\nnameserver 9.9.9.9\n"},
		{"what the network's description says", "named", answer, `,"dns":{"nameservers":["7.7.7.7","7.7.7.8"]}`, flag, "nameserver 7.7.7.7\nnameserver 7.7.7.8\n"},
		{"the flag for this network", "named", answer, "", flag, "search a.org b.org\noptions ndots:2\nnameserver 8.8.8.1\n"},
		{"the flag for all others", "other", answer, "", flag, "nameserver 8.8.8.2\n"},
		{"the machine's", "other", answer, "", "", string(machine)},
	} {
		t.Run(x.shows, func(t *testing.T) {
			w := newWorld(t)
			w.settings.DefaultContainerDNS = x.flag
			w.fake("fake", x.script)
			w.network(x.network, "fake", x.more)
			plan, err := w.prepared(w.agent(), w.container("box", nil, joins(x.network)))
			if err != nil {
				t.Fatal(err)
			}
			if got, ro := mounted(t, plan, "/etc/resolv.conf"); got != x.want || !ro {
				t.Errorf("read-only %v: %q; want %q", ro, got, x.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	w := newWorld(t)
	w.fake("fake", answer)
	w.network("net", "fake", "")
	i := w.agent()
	c := w.container("box", nil, joins("net"), func(c *isolators.Container) { c.Info.Hostname = proto.String("web-1.example.org") })
	plan, err := w.prepared(i, c)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := mounted(t, plan, "/etc/hosts"); got != "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n10.7.0.5 web-1.example.org\nfd00:7::5 web-1.example.org\n" {
		t.Errorf("hosts: %q", got)
	}
	if got, _ := mounted(t, plan, "/etc/hostname"); got != "web-1.example.org\n" || plan.Hostname != "web-1.example.org" || plan.Namespaces&unix.CLONE_NEWUTS == 0 {
		t.Errorf("hostname: %q, %+v", got, plan)
	}
	if got := w.addresses(i, c); got != "net 10.7.0.5 fd00:7::5" { // IPv4 first
		t.Errorf("addresses %s", got)
	}
	var s mesospb.ContainerStatus
	if err := i.Status(t.Context(), c, &s); err != nil || s.NetworkInfos[0].IpAddresses[1].GetProtocol() != mesospb.NetworkInfo_IPv6 {
		t.Errorf("%v, %v", &s, err)
	}
	if !slices.Contains(plan.Env, "MESOS_CONTAINER_IP=10.7.0.5") || !slices.Contains(plan.Env, "LIBPROCESS_IP=0.0.0.0") {
		t.Errorf("environment %v", plan.Env)
	}
	for _, m := range plan.Mounts {
		if m.Make || !m.Optional {
			t.Errorf("%+v: on the machine's files nothing is made", m)
		}
	}
}

// What a container sets itself is not overwritten.
func TestItsOwnEnvironment(t *testing.T) {
	w := newWorld(t)
	w.fake("fake", answer)
	w.network("net", "fake", "")
	c := w.container("box", nil, joins("net"), func(c *isolators.Container) {
		c.Command.Environment = &mesospb.Environment{Variables: []*mesospb.Environment_Variable{{Name: proto.String("LIBPROCESS_IP"), Value: proto.String("10.7.0.5")}}}
	})
	plan, err := w.prepared(w.agent(), c)
	if err != nil || strings.Contains(strings.Join(plan.Env, " "), "LIBPROCESS_IP=0") {
		t.Errorf("%v, %v", plan.Env, err)
	}
}

// A container in the machine's network: with a root of its own it reads the machine's names and cannot write them.
func TestTheMachinesNetwork(t *testing.T) {
	w := newWorld(t)
	i := w.agent()
	prepare := func(c *isolators.Container, root string) *isolators.Plan {
		plan := &isolators.Plan{RootFS: root}
		if err := i.Prepare(t.Context(), c, plan); err != nil {
			t.Fatal(err)
		}
		return plan
	}
	plain := prepare(w.container("plain", nil), "")
	if len(plain.Mounts)+len(plain.Join)+len(plain.Env) > 0 || plain.Namespaces != 0 {
		t.Errorf("nothing was asked for: %+v", plain)
	}
	unnamed := prepare(w.container("unnamed", nil, joins("")), "")
	if len(unnamed.Join) > 0 || unnamed.Namespaces != 0 {
		t.Errorf("a network without a name is the machine's: %+v", unnamed)
	}
	image := prepare(w.container("image", nil), "/rootfs")
	machine, _ := os.ReadFile("/etc/hosts")
	if got, ro := mounted(t, image, "/etc/hosts"); got != string(machine) || !ro {
		t.Errorf("read-only %v: %q", ro, got)
	}
	if got, ro := mounted(t, image, "/etc/resolv.conf"); got == "nothing" || !ro {
		t.Errorf("read-only %v: %q", ro, got)
	}
	for _, m := range image.Mounts {
		if !m.Make {
			t.Errorf("%+v: an image need not have the file", m)
		}
	}
	w.empty()
	c := w.container("named", nil, func(c *isolators.Container) { c.Info.Hostname = proto.String("web") })
	named := prepare(c, "")
	if got, _ := mounted(t, named, "/etc/hosts"); !strings.HasSuffix(got, "\n127.0.1.1 web\n") || named.Hostname != "web" || len(named.Join) > 0 {
		t.Errorf("hosts %q, %+v", got, named)
	}
	w.end(i, c)
	w.empty()
}

// A debug container is where its parent is, whatever it asks for.
func TestDebug(t *testing.T) {
	w := newWorld(t)
	w.fake("fake", answer)
	w.network("net", "fake", "")
	i := w.agent()
	parent := w.container("box", nil, joins("net"))
	if _, err := w.prepared(i, parent); err != nil {
		t.Fatal(err)
	}
	c := w.container("box.debug", parent, joins("net"), func(c *isolators.Container) { c.Debug = true })
	plan, err := w.prepared(i, c)
	if err != nil || len(plan.Join) != 1 || plan.Join[0].Path != i.store.ns("box") || len(plan.Mounts) > 0 || plan.Namespaces != 0 {
		t.Errorf("%+v, %v", plan, err)
	}
	if got := w.calls("fake"); got != "ADD box" {
		t.Errorf("called %s", got)
	}
}

// What the isolator writes down is there while the container is, and readable to root alone where it says what was asked for.
func TestCheckpoints(t *testing.T) {
	w := newWorld(t)
	w.fake("fake", answer)
	w.network("net", "fake", "")
	i := w.agent()
	c := w.container("box", nil, joins("net"))
	if _, err := w.prepared(i, c); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"record.json", "networks/net/network.conf", "networks/net/eth0/network.info"} {
		if info, err := os.Stat(filepath.Join(i.store.dir("box"), f)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info, err)
		}
	}
	if got := w.addresses(w.agent(c), c); got != "net 10.7.0.5 fd00:7::5" {
		t.Errorf("the next agent finds %s", got)
	}
	w.end(i, c)
	w.empty()
}

// Networks come and go without a restart of the agent.
func TestNetworksComeAndGo(t *testing.T) {
	w := newWorld(t)
	w.fake("fake", answer)
	i := w.agent()
	ask := func(id string) error {
		_, err := w.prepared(i, w.container(id, nil, joins("net")))
		return err
	}
	if err := ask("early"); err == nil || !strings.Contains(err.Error(), `unknown CNI network "net"`) {
		t.Errorf("%v", err)
	}
	w.network("net", "fake", "")
	if err := ask("there"); err != nil {
		t.Error(err)
	}
	w.network("net", "other", "")
	if err := ask("changed"); err == nil || !strings.Contains(err.Error(), `there is no plugin "other"`) {
		t.Errorf("%v", err)
	}
	if err := os.Remove(filepath.Join(w.dir, "config/net.conf")); err != nil {
		t.Fatal(err)
	}
	if err := ask("late"); err == nil || !strings.Contains(err.Error(), `unknown CNI network "net"`) {
		t.Errorf("%v", err)
	}
	// The container of a network that is no longer described ends like any other.
	w.end(i, w.container("there", nil, joins("net")))
	if got := w.calls("fake"); got != "ADD there, DEL there" {
		t.Errorf("called %s", got)
	}
}

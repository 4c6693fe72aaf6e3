package cni

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/network/netns"
)

// TestMain runs all tests in a network namespace of their own: what plugins do to "the machine" they do there.
func TestMain(m *testing.M) {
	const inside = "MESETA_CNI_INSIDE"
	if with := os.Getenv(stranger); with != "" {
		estrange(with)
	}
	if os.Geteuid() != 0 {
		os.Exit(m.Run())
	}
	if os.Getenv(inside) != "" {
		if err := netns.Up("lo"); err != nil {
			fmt.Fprintln(os.Stderr, "lo:", err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), inside+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err := c.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "a network namespace for the tests:", err)
		os.Exit(1)
	}
}

// world is what an operator has set up.
type world struct {
	t        *testing.T
	dir      string
	settings isolators.Settings
}

// reference are the plugins of the CNI project.
const reference = "/usr/lib/cni"

func newWorld(t *testing.T) *world {
	t.Helper()
	exam.Skip(t, exam.Root)
	w := &world{t: t, dir: t.TempDir()}
	w.settings = isolators.Settings{
		Root: true, Launcher: "linux", WorkDir: filepath.Join(w.dir, "work"), RuntimeDir: filepath.Join(w.dir, "run"),
		NetworkCNIPluginsDir: filepath.Join(w.dir, "plugins") + ":" + reference, NetworkCNIConfigDir: filepath.Join(w.dir, "config"),
	}
	for _, d := range []string{"work", "run", "plugins", "config", "fake"} {
		if err := os.Mkdir(filepath.Join(w.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(reference); err != nil {
		w.settings.NetworkCNIPluginsDir = filepath.Join(w.dir, "plugins")
	}
	return w
}

// agent is the isolator of an agent that has just been started.
func (w *world) agent(alive ...*isolators.Container) *Isolator {
	w.t.Helper()
	i, err := New(w.settings)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := i.Recover(w.t.Context(), alive); err != nil {
		w.t.Fatal(err)
	}
	return i.(*Isolator)
}

func (w *world) file(name, text string, mode os.FileMode) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), mode); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(name string) string {
	b, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(b)
}

// fake is a plugin that writes down how it is called, and then does as the script says.
func (w *world) fake(name, script string) {
	w.t.Helper()
	log := filepath.Join(w.dir, "fake", name)
	w.file("plugins/"+name, fmt.Sprintf("#!/bin/sh\nread -r conf\necho \"$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME $CNI_NETNS\" >>%[1]s.calls\n"+
		"printf '%%s\\n' \"$conf\" >%[1]s.$CNI_COMMAND.conf\nenv >%[1]s.$CNI_COMMAND.env\n%[2]s\n", log, script), 0o755)
}

// answer is a script that succeeds.
const answer = `echo '{"cniVersion":"0.3.1","ips":[{"version":"6","address":"fd00:7::5/64"},{"version":"4","address":"10.7.0.5/24"}]}'`

// network describes a network of one fake plugin, with more members when there are some.
func (w *world) network(name, plugin, more string) {
	w.t.Helper()
	w.file("config/"+name+".conf", fmt.Sprintf(`{"name":%q,"cniVersion":"0.3.1","type":%q%s}`, name, plugin, more), 0o644)
}

// calls are how a fake plugin was called so far, without the paths of namespaces.
func (w *world) calls(name string) string {
	var all []string
	for line := range strings.Lines(w.read("fake/" + name + ".calls")) {
		f := strings.Fields(line)
		all = append(all, f[0]+" "+f[1])
	}
	return strings.Join(all, ", ")
}

// bridge describes a network with the reference plugins: a bridge that is the machine's end.
func (w *world) bridge(name, subnet string, more ...map[string]any) {
	w.t.Helper()
	bridge := map[string]any{
		"type": "bridge", "bridge": "br-" + name, "isGateway": true,
		"ipam": map[string]any{"type": "host-local", "dataDir": filepath.Join(w.dir, "ipam"), "ranges": []any{[]any{map[string]any{"subnet": subnet}}},
			"routes": []any{map[string]any{"dst": "0.0.0.0/0"}}},
	}
	plugins := []any{bridge}
	for _, m := range more {
		plugins = append(plugins, m)
	}
	text, err := json.Marshal(map[string]any{"cniVersion": "0.4.0", "name": name, "plugins": plugins})
	if err != nil {
		w.t.Fatal(err)
	}
	w.file("config/"+name+".conflist", string(text), 0o644)
}

// things are leases of addresses, and interfaces of "the machine".
func (w *world) things(t *testing.T) (all []string) {
	t.Helper()
	_ = filepath.WalkDir(filepath.Join(w.dir, "ipam"), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasPrefix(e.Name(), "l") { // lock, last_reserved_ip
			all = append(all, path)
		}
		return nil
	})
	links, err := os.ReadFile("/proc/thread-self/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(links)) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && strings.HasPrefix(name, "veth") {
			all = append(all, name)
		}
	}
	return all
}

package cni

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/network/netns"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestWhatAPluginHears(t *testing.T) {
	w := newWorld(t)
	t.Setenv("MESETA_SECRET", "mesos")
	w.fake("fake", answer)
	w.network("net", "fake", `,"args":{"of":"the operator"},"capabilities":{"portMappings":true}`)
	i := w.agent()
	c := w.container("box-1.inner", nil, joins("net"), func(c *isolators.Container) {
		c.Resources = []*mesospb.Resource{{Name: proto.String("ports"), Type: mesospb.Value_RANGES.Enum(),
			Ranges: &mesospb.Value_Ranges{Range: []*mesospb.Value_Range{{Begin: proto.Uint64(31000), End: proto.Uint64(31000)}}}}}
		c.Info.NetworkInfos[0].PortMappings = portMapping(31000, 80)
		c.Info.NetworkInfos[0].Labels = &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("app"), Value: proto.String("web")}}}
	})
	if _, err := w.prepared(i, c); err != nil {
		t.Fatal(err)
	}
	w.end(i, c)
	ns := filepath.Join(w.dir, "run/isolators/network/cni/box-1.inner/ns")
	if got, want := w.read("fake/fake.calls"), "ADD box-1.inner eth0 "+ns+"\nDEL box-1.inner eth0 "+ns+"\n"; got != want {
		t.Errorf("called\n%swant\n%s", got, want)
	}
	for _, command := range []string{"ADD", "DEL"} {
		if env := w.read("fake/fake." + command + ".env"); strings.Contains(env, "MESETA_") || !strings.Contains(env, "CNI_PATH="+w.settings.NetworkCNIPluginsDir) {
			t.Errorf("%s: its environment is %s", command, env)
		}
		var conf struct {
			Name          string
			CNIVersion    string
			RuntimeConfig struct {
				PortMappings []struct {
					HostPort, ContainerPort int
					Protocol                string
				}
			}
			Args struct {
				Of    string
				Mesos struct {
					Info struct {
						Name   string
						Labels struct{ Labels []struct{ Key, Value string } }
						Ports  []struct {
							Host int `json:"host_port"`
						} `json:"port_mappings"`
					} `json:"network_info"`
				} `json:"org.apache.mesos"`
			}
		}
		if err := json.Unmarshal([]byte(w.read("fake/fake."+command+".conf")), &conf); err != nil {
			t.Fatal(err)
		}
		ports, info := conf.RuntimeConfig.PortMappings, conf.Args.Mesos.Info
		if len(ports) != 1 || ports[0].HostPort != 31000 || ports[0].ContainerPort != 80 || ports[0].Protocol != "tcp" {
			t.Errorf("%s: ports %+v", command, ports)
		}
		if conf.Name != "net" || conf.CNIVersion != "0.3.1" || conf.Args.Of != "the operator" ||
			info.Name != "net" || len(info.Labels.Labels) != 1 || info.Labels.Labels[0].Value != "web" || len(info.Ports) != 1 || info.Ports[0].Host != 31000 {
			t.Errorf("%s: configuration %+v", command, conf)
		}
	}
}

// A plugin that fails is called to undo what it may have done, and says why the container cannot be.
func TestFailures(t *testing.T) {
	for _, x := range []struct{ shows, script, says string }{
		{"words", "echo Plugin failed >&2; exit 1", "Plugin failed"},
		{"an error as the specification has it", `echo '{"code":11,"msg":"no address left","details":"ask again"}'; exit 1`, "no address left"},
		{"nothing", "exit 3", "exit status 3, and it said nothing"},
		{"no JSON", "echo hello", "invalid character"},
		{"a flood", "while :; do echo 0123456789012345678901234567890123456789; done", "said more than 1048576 bytes"},
		{"a flood of errors", "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo wrong >&2; done; exit 1", "wrong"},
		{"killed", "kill -9 $$", "signal: killed"},
	} {
		t.Run(x.shows, func(t *testing.T) {
			w := newWorld(t)
			w.fake("fake", `[ $CNI_COMMAND = DEL ] && exit 0; `+x.script)
			w.network("net", "fake", "")
			i := w.agent()
			c := w.container("box", nil, joins("net"))
			_, err := w.prepared(i, c)
			if err == nil || !strings.Contains(err.Error(), x.says) || !strings.HasPrefix(err.Error(), "network net: ") || len(err.Error()) > 5000 {
				t.Errorf("it says %v", err)
			}
			w.end(i, c)
			if got := w.calls("fake"); got != "ADD box, DEL box" {
				t.Errorf("called %s", got)
			}
			w.empty()
		})
	}
}

// empty checks that nothing is kept of any container.
func (w *world) empty() {
	w.t.Helper()
	left, err := os.ReadDir(filepath.Join(w.dir, "run/isolators/network/cni"))
	if err != nil || len(left) > 0 {
		w.t.Errorf("left %v, %v", left, err)
	}
	if mounts, _ := os.ReadFile("/proc/thread-self/mounts"); strings.Contains(string(mounts), w.dir) {
		w.t.Errorf("something is still mounted below %s", w.dir)
	}
}

func TestThereIsNoSuchPlugin(t *testing.T) {
	w := newWorld(t)
	w.network("net", "missing", "")
	i := w.agent()
	c := w.container("box", nil, joins("net"))
	if _, err := w.prepared(i, c); err == nil || !strings.Contains(err.Error(), `there is no plugin "missing" in `+filepath.Join(w.dir, "plugins")) {
		t.Errorf("%v", err)
	}
	// What was never called cannot be called to undo. As long as the program is missing, the agent says so.
	w.fake("missing", "")
	w.end(i, c)
	w.empty()
}

// A plugin that hangs ends with whatever it started, when its time is over and when nobody waits any more.
func TestAPluginThatHangs(t *testing.T) {
	hang := "[ $CNI_COMMAND = DEL ] && exit 0\nsleep 1000 & echo $! >" + "%s/fake/sleeper\nwait"
	for _, x := range []struct {
		shows, says string
		start       func(w *world, i *Isolator, c *isolators.Container) error
	}{
		{"too long", "it took longer than 100ms", func(w *world, i *Isolator, c *isolators.Container) error {
			i.exec = &runner{timeout: 100 * time.Millisecond}
			_, err := w.prepared(i, c)
			i.exec = &runner{timeout: patience}
			return err
		}},
		{"destroyed while preparing", context.Canceled.Error(), func(w *world, i *Isolator, c *isolators.Container) error {
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- i.Prepare(ctx, c, &isolators.Plan{}) }()
			exam.Eventually(w.t, "the plugin runs", func() bool { return w.read("fake/sleeper") != "" })
			cancel()
			return <-done
		}},
	} {
		t.Run(x.shows, func(t *testing.T) {
			w := newWorld(t)
			w.fake("fake", strings.ReplaceAll(hang, "%s", w.dir))
			w.network("net", "fake", "")
			i := w.agent()
			c := w.container("box", nil, joins("net"))
			if err := x.start(w, i, c); err == nil || !strings.Contains(err.Error(), x.says) {
				t.Errorf("it says %v", err)
			}
			sleeper := strings.TrimSpace(w.read("fake/sleeper"))
			exam.Eventually(t, "what the plugin started is dead", func() bool {
				stat, err := os.ReadFile("/proc/" + sleeper + "/stat")
				return sleeper != "" && (err != nil || strings.Contains(string(stat), ") Z "))
			})
			w.end(i, c)
			w.empty()
		})
	}
}

// A plugin that has answered is done, even when something that it started keeps its output open.
func TestAPluginThatLeavesSomebody(t *testing.T) {
	w := newWorld(t)
	w.fake("fake", answer+"; sleep 1000 &")
	w.network("net", "fake", "")
	i := w.agent()
	c := w.container("box", nil, joins("net"))
	_, err := w.prepared(i, c)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "WaitDelay") {
		t.Errorf("%v", err)
	}
	w.fake("fake", "")
	w.end(i, c)
	w.empty()
}

// What a plugin does not undo is tried again by the next agent, and keeps no namespace meanwhile.
func TestUndoIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.fake("fake", "[ $CNI_COMMAND = DEL ] && { echo not now >&2; exit 1; }; "+answer)
	w.network("net", "fake", "")
	i := w.agent()
	c := w.container("box", nil, joins("net"))
	if _, err := w.prepared(i, c); err != nil {
		t.Fatal(err)
	}
	if err := i.Cleanup(t.Context(), c); err == nil || !strings.Contains(err.Error(), "not now") {
		t.Errorf("%v", err)
	}
	if _, err := netns.Inode(i.store.ns("box")); err == nil {
		t.Error("its namespace is still there")
	}
	w.agent() // says no more than a warning
	w.fake("fake", "")
	w.agent()
	if got := w.calls("fake"); got != "ADD box, DEL box, DEL box, DEL box" {
		t.Errorf("called %s", got)
	}
	w.empty()
}

// After a restart of the machine the namespace is gone, and the plugins hear that there is none.
func TestAfterARestartOfTheMachine(t *testing.T) {
	w := newWorld(t)
	w.settings.NetworkCNIRootDirPersist = true
	w.fake("fake", answer)
	w.network("net", "fake", "")
	i := w.agent()
	if _, err := w.prepared(i, w.container("box", nil, joins("net"))); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(w.settings.WorkDir, "isolators/network/cni/box/ns"); i.store.ns("box") != want {
		t.Errorf("kept at %s, not in the work directory", i.store.ns("box"))
	}
	if err := netns.Remove(i.store.ns("box")); err != nil {
		t.Fatal(err)
	}
	w.file("work/isolators/network/cni/box/ns", "", 0o600) // the file without the mount
	w.agent()
	if got := w.read("fake/fake.calls"); !strings.HasSuffix(got, "\nDEL box eth0 \n") {
		t.Errorf("called\n%s", got)
	}
	if left, _ := i.store.ids(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

package exam

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// note is an isolator that does next to nothing, but right: it keeps a file for each container, in a directory of its own.
type note struct {
	isolators.Nothing
	dir string
}

var notes = isolators.Builder{Names: []string{"note"}, New: func(s isolators.Settings) (isolators.Isolator, error) {
	dir := filepath.Join(s.RuntimeDir, "notes")
	return note{dir: dir}, os.MkdirAll(dir, 0o700)
}}

func (n note) Name() string { return "note" }

func (n note) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	if c.Info.GetHostname() == "wanted" {
		return errors.Join(errors.New("containers have no name here; ask for none"), fault.ErrInvalid)
	}
	plan.Env = append(plan.Env, "NOTE="+c.ID)
	return os.WriteFile(filepath.Join(n.dir, c.ID), nil, 0o600)
}

func (n note) Update(_ context.Context, c *isolators.Container) error {
	return os.WriteFile(filepath.Join(n.dir, c.ID), []byte(c.Resources[0].String()), 0o600)
}

func (n note) Usage(_ context.Context, of []*isolators.Container, into []*mesospb.ResourceStatistics) error {
	for i := range of {
		into[i].Processes = proto.Uint32(1)
	}
	return nil
}

func (n note) Cleanup(_ context.Context, c *isolators.Container) error {
	if err := os.Remove(filepath.Join(n.dir, c.ID)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func TestExam(t *testing.T) {
	Take(t, Case{
		Builder: notes,
		Script:  `printf %s "$NOTE" > told; sleep 600`,
		Running: func(t *testing.T, x *Box) {
			if got := x.File(t, "told"); got != x.Container.ID {
				t.Errorf("the plan was not carried out: %q", got)
			}
			if !strings.Contains(x.Proc(t, "status"), "State:") {
				t.Error("nothing is known of the process")
			}
		},
		Usage: func(t *testing.T, x *Box, s *mesospb.ResourceStatistics) {
			if s.GetProcesses() != 1 {
				t.Error("no usage")
			}
		},
		Update: func(c *isolators.Container) { c.Resources = []*mesospb.Resource{Scalar("cpus", 2)} },
		Updated: func(t *testing.T, x *Box) {
			text, err := os.ReadFile(filepath.Join(x.Isolator.(note).dir, x.Container.ID))
			if err != nil || !strings.Contains(string(text), "cpus") {
				t.Errorf("not updated: %s, %v", text, err)
			}
		},
		Refused: map[string]func(*isolators.Container){"a name": func(c *isolators.Container) { c.Info.Hostname = proto.String("wanted") }},
		Borne:   map[string]func(*isolators.Container){"another user": func(c *isolators.Container) { c.User = "nobody" }},
	})
}

// TestInventory breaks what the exam has to notice: it counts what is left of each kind.
func TestInventory(t *testing.T) {
	r := newRoom(t, Case{Builder: notes})
	before := r.inventory(t)
	if left := more(before, r.inventory(t)); left != "" {
		t.Errorf("nothing happened, and this is left: %s", left)
	}
	file, err := os.Create(filepath.Join(r.settings.WorkDir, "litter"))
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	go func() { <-stop }()
	left := more(before, r.inventory(t))
	for _, what := range []string{"files " + file.Name(), "descriptors " + file.Name(), "goroutines "} {
		if !strings.Contains(left, what) {
			t.Errorf("%s went unnoticed: %s", what, left)
		}
	}
	close(stop)
	file.Close()
}

func TestInventoryOfGroups(t *testing.T) {
	Skip(t, Root, Unified)
	r := newRoom(t, Case{Builder: notes})
	before := r.inventory(t)
	dir, _ := unified()
	group := filepath.Join(dir, r.settings.CgroupsRoot)
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	if left := more(before, r.inventory(t)); !strings.Contains(left, "control groups "+group) {
		t.Errorf("a group went unnoticed: %q", left)
	}
}

func TestKill(t *testing.T) {
	Skip(t, Root, Unified)
	dir, _ := unified()
	group := filepath.Join(dir, "meseta-exam-kill-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		Eventually(t, "the group is gone", func() bool { return os.Remove(group) == nil })
	})
	x := launched(t, &isolators.Plan{Cgroup: group, Path: "/bin/sh", Argv: []string{"sh", "-c", "setsid sleep 600 & sleep 600"}, Dir: t.TempDir()}, nil)
	if err := x.Go(); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "there are three", func() bool { return members(group, func(int) {}) == 3 })
	x.Kill()
	if n := members(group, func(int) {}); n != 0 {
		t.Errorf("%d are alive", n)
	}
}

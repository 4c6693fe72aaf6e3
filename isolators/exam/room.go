package exam

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// room is where one isolator is examined.
type room struct {
	c        Case
	settings isolators.Settings
	boxes    atomic.Int32
}

var rooms atomic.Int32

func newRoom(t *testing.T, c Case) *room {
	t.Helper()
	dir := t.TempDir()
	r := &room{c: c, settings: isolators.Settings{
		Root: os.Geteuid() == 0, WorkDir: filepath.Join(dir, "work"), RuntimeDir: filepath.Join(dir, "run"),
		CgroupsRoot: fmt.Sprintf("meseta-exam-%d-%d", os.Getpid(), rooms.Add(1)),
	}}
	for _, d := range []string{r.settings.WorkDir, filepath.Join(r.settings.RuntimeDir, "containers")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if c.Settings != nil {
		c.Settings(&r.settings)
	}
	t.Cleanup(func() { RemoveGroups(t, r.settings.CgroupsRoot) }) // an isolator may keep the root
	r.chain(t)                                                    // what is made once, such as the root of all groups, is there before anything is counted
	warm(t)
	return r
}

// chain is the isolator as an agent that has just been started has it, behind those that work before it.
func (r *room) chain(t *testing.T, alive ...*isolators.Container) isolators.Chain {
	t.Helper()
	var chain isolators.Chain
	for _, b := range append(append([]isolators.Builder(nil), r.c.Before...), r.c.Builder) {
		s := r.settings
		s.Before = chain
		i, err := b.New(s)
		if err != nil {
			t.Fatalf("%s cannot be made: %v", b.Names[0], err)
		}
		if i.Name() == "" {
			t.Errorf("an isolator has no name")
		}
		chain = append(chain, i)
	}
	if err := chain.Recover(context.Background(), alive); err != nil {
		t.Fatal(err)
	}
	return chain
}

// container is what is asked for.
func (r *room) container(t *testing.T, wish func(*isolators.Container)) *isolators.Container {
	t.Helper()
	c := r.plain(t, nil)
	if r.c.Container != nil {
		r.c.Container(c)
	}
	if wish != nil {
		wish(c)
	}
	return c
}

func (r *room) plain(t *testing.T, parent *isolators.Container) *isolators.Container {
	t.Helper()
	name := fmt.Sprintf("box-%d", r.boxes.Add(1))
	c := &isolators.Container{
		ID: name, Parent: parent,
		Command:   &mesospb.CommandInfo{Shell: proto.Bool(true), Value: proto.String(r.script())},
		Info:      &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum()},
		Resources: []*mesospb.Resource{Scalar("cpus", 0.1), Scalar("mem", 64)}, OwnCgroups: true,
		UID: os.Geteuid(), GID: os.Getegid(),
		Sandbox: filepath.Join(r.settings.WorkDir, name),
		State:   filepath.Join(r.settings.RuntimeDir, "containers", name),
	}
	if parent != nil {
		c.ID = parent.ID + "." + name
		c.Sandbox = filepath.Join(parent.Sandbox, "containers", name)
	}
	for _, dir := range []string{c.Sandbox, c.State} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.RemoveAll(c.State); os.RemoveAll(c.Sandbox) })
	return c
}

func (r *room) script() string {
	if r.c.Script == "" {
		return "sleep 600"
	}
	return r.c.Script
}

// Scalar is an amount of a resource.
func Scalar(name string, amount float64) *mesospb.Resource {
	return &mesospb.Resource{Name: proto.String(name), Type: mesospb.Value_SCALAR.Enum(),
		Scalar: &mesospb.Value_Scalar{Value: proto.Float64(amount)}}
}

// plan is what every plan begins with.
func plan(c *isolators.Container) *isolators.Plan {
	return &isolators.Plan{
		Path: "/bin/sh", Argv: []string{"sh", "-c", c.Command.GetValue()}, Dir: c.Sandbox,
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + c.Sandbox},
		UID: c.UID, GID: c.GID,
	}
}

package cni

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/launch"
	"github.com/meseta-io/meseta/isolators/network/netns"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// container is one that somebody asks for.
func (w *world) container(id string, parent *isolators.Container, wishes ...func(c *isolators.Container)) *isolators.Container {
	w.t.Helper()
	state := filepath.Join(w.dir, "run", "containers", id)
	if err := os.MkdirAll(state, 0o755); err != nil {
		w.t.Fatal(err)
	}
	c := &isolators.Container{
		ID: id, Parent: parent, State: state, Sandbox: state, Command: &mesospb.CommandInfo{},
		Info: &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum()},
	}
	for _, wish := range wishes {
		wish(c)
	}
	return c
}

// run starts a container, which writes down what its hosts are and sleeps.
func (w *world) run(i *Isolator, c *isolators.Container) *isolators.Container {
	w.t.Helper()
	plan := &isolators.Plan{Path: "/bin/sh", Argv: []string{"sh", "-c", "cat /etc/hosts >hosts-new; mv hosts-new hosts-seen; exec sleep 600"}, Dir: c.Sandbox,
		Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}
	if err := i.Prepare(w.t.Context(), c, plan); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { i.Cleanup(context.Background(), c) })
	child, err := launch.Start(plan, launch.Files{Stderr: os.Stderr})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { child.Kill(); child.Wait() })
	c.PID = child.PID
	if err := child.Go(); err != nil {
		w.t.Fatal(err)
	}
	exam.Eventually(w.t, c.ID+" runs", func() bool {
		_, err := os.Stat(filepath.Join(c.Sandbox, "hosts-seen"))
		return err == nil
	})
	return c
}

// end cleans up after a container; its process does not matter to this isolator.
func (w *world) end(i *Isolator, c *isolators.Container) {
	w.t.Helper()
	if err := i.Cleanup(w.t.Context(), c); err != nil {
		w.t.Error(err)
	}
}

// prepared is what a container is told, without a process.
func (w *world) prepared(i *Isolator, c *isolators.Container) (*isolators.Plan, error) {
	plan := &isolators.Plan{}
	err := i.Prepare(w.t.Context(), c, plan)
	w.t.Cleanup(func() { i.Cleanup(context.Background(), c) })
	return plan, err
}

// addresses are the networks of a container with its addresses, as its status has them.
func (w *world) addresses(i *Isolator, c *isolators.Container) string {
	w.t.Helper()
	var s mesospb.ContainerStatus
	if err := i.Status(w.t.Context(), c, &s); err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, n := range s.NetworkInfos {
		all = append(all, n.GetName())
		for _, ip := range n.IpAddresses {
			all = append(all, ip.GetIpAddress())
		}
	}
	return strings.Join(all, " ")
}

// listen opens a socket in a container's network.
func (w *world) listen(c *isolators.Container, address string) (l net.Listener) {
	w.t.Helper()
	err := netns.Do(fmt.Sprintf("/proc/%d/ns/net", c.PID), func() (err error) {
		l, err = net.Listen("tcp4", address)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

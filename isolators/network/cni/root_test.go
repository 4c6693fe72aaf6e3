package cni

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// image is a directory as an image would be: the machine's programs, and an /etc in which there is next to nothing.
func image(t *testing.T) (root string, mounts []isolators.Mount) {
	t.Helper()
	root = t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib64"} {
		info, err := os.Lstat(dir)
		if err != nil {
			continue
		}
		if info.Mode()&os.ModeSymlink != 0 {
			to, _ := os.Readlink(dir)
			err = os.Symlink(to, root+dir)
		} else {
			err = os.Mkdir(root+dir, 0o755)
			mounts = append(mounts, isolators.Mount{Source: dir, Target: dir, Type: "bind", Flags: unix.MS_BIND | unix.MS_REC | unix.MS_RDONLY})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root, mounts
}

// A container with a root of its own finds names in its /etc, which it cannot write, in every network.
func TestARootOfItsOwn(t *testing.T) {
	w := newWorld(t)
	w.fake("fake", strings.TrimSuffix(answer, "}'")+`,"dns":{"nameservers":["10.7.0.2"],"search":["mesos.test"]}}'`)
	w.network("net", "fake", "")
	i := w.agent()
	inside := func(c *isolators.Container) string {
		t.Helper()
		plan := &isolators.Plan{Path: "/bin/sh", Dir: "/", Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Argv: []string{"sh", "-c",
			`hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf; for f in hosts hostname resolv.conf; do (echo x >>/etc/$f) 2>&- && echo wrote $f; done; echo "$MESOS_CONTAINER_IP"`}}
		plan.RootFS, plan.Mounts = image(t)
		plan.Namespaces = unix.CLONE_NEWNS
		if err := i.Prepare(t.Context(), c, plan); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { i.Cleanup(t.Context(), c) })
		return runs(t, plan)
	}
	const localhost = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
	t.Run("in a network", func(t *testing.T) {
		got := inside(w.container("box", nil, joins("net")))
		if want := "box\nbox\n" + localhost + "10.7.0.5 box\nfd00:7::5 box\nsearch mesos.test\nnameserver 10.7.0.2\n10.7.0.5\n"; got != want {
			t.Errorf("it sees\n%swant\n%s", got, want)
		}
	})
	t.Run("in the machine's network", func(t *testing.T) {
		var want strings.Builder
		name, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		want.WriteString(name + "\n")
		for _, f := range []string{"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"} {
			b, _ := os.ReadFile(f)
			want.Write(b)
		}
		want.WriteString("\n")
		if got := inside(w.container("plain", nil)); got != want.String() {
			t.Errorf("it sees\n%swant\n%s", got, want.String())
		}
	})
	t.Run("in the network of its parent", func(t *testing.T) {
		parent := w.container("pod", nil, joins("net"), func(c *isolators.Container) { c.Info.Hostname = proto.String("web") })
		if _, err := w.prepared(i, parent); err != nil {
			t.Fatal(err)
		}
		got := inside(w.container("pod.inner", parent))
		if want := "web\nweb\n" + localhost + "10.7.0.5 web\nfd00:7::5 web\nsearch mesos.test\nnameserver 10.7.0.2\n10.7.0.5\n"; got != want {
			t.Errorf("it sees\n%swant\n%s", got, want)
		}
	})
}

// The next agent tells the same addresses of containers in containers.
func TestNestedAfterARestart(t *testing.T) {
	w := newWorld(t)
	w.fake("fake", answer)
	w.network("net", "fake", "")
	w.fake("other", `echo '{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.8.0.9/24"}]}'`)
	w.network("own", "other", "")
	i := w.agent()
	outer := w.container("pod", nil, joins("net"))
	shares, owns := w.container("pod.shares", outer), w.container("pod.owns", outer, joins("own"))
	for _, c := range []*isolators.Container{outer, shares, owns} {
		if _, err := w.prepared(i, c); err != nil {
			t.Fatal(err)
		}
	}
	next := w.agent(outer, shares, owns)
	for _, x := range []struct {
		c    *isolators.Container
		want string
	}{{owns, "own 10.8.0.9"}, {shares, "net 10.7.0.5 fd00:7::5"}, {outer, "net 10.7.0.5 fd00:7::5"}} {
		if got := w.addresses(next, x.c); got != x.want {
			t.Errorf("%s has %s; want %s", x.c.ID, got, x.want)
		}
		w.end(next, x.c)
	}
	w.empty()
	var s mesospb.ContainerStatus
	if err := next.Status(t.Context(), shares, &s); err != nil || len(s.NetworkInfos) > 0 {
		t.Errorf("one that has ended: %v, %v", s.NetworkInfos, err)
	}
}

// A container with users of its own joins a network too, over which its root has no power.
func TestUsersOfItsOwn(t *testing.T) {
	w := newWorld(t)
	w.fake("fake", answer)
	w.network("net", "fake", "")
	i := w.agent()
	plan, err := w.prepared(i, w.container("box", nil, joins("net")))
	if err != nil {
		t.Fatal(err)
	}
	// Its root is somebody else outside, who has to get to the files that are mounted.
	if err := os.Chmod(filepath.Dir(w.dir), 0o711); err != nil {
		t.Fatal(err)
	}
	plan.New(unix.CLONE_NEWUSER)
	plan.UIDs, plan.GIDs = []isolators.IDMap{{Inside: 0, Outside: 1 << 20, Size: 1 << 16}}, []isolators.IDMap{{Inside: 0, Outside: 1 << 20, Size: 1 << 16}}
	plan.Path, plan.Argv, plan.Dir = "/bin/sh", []string{"sh", "-c", "id -u; hostname; readlink /proc/self/ns/net; cat /etc/hostname"}, "/"
	plan.Env = append(plan.Env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	inode := plan.Join[0].Inode
	if got, want := runs(t, plan), fmt.Sprintf("0\nbox\nnet:[%d]\nbox\n", inode); got != want {
		t.Errorf("it sees\n%swant\n%s", got, want)
	}
}

// An agent in another mount namespace finds a container's network by its process; without one the container stays as it is.
func TestAMountThatIsGone(t *testing.T) {
	w := newWorld(t)
	w.fake("fake", answer)
	w.network("net", "fake", "")
	i := w.agent()
	c := w.run(i, w.container("box", nil, joins("net")))
	inode := i.box("box").inode
	gone := func() {
		t.Helper()
		if err := unix.Unmount(i.store.ns("box"), unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
	}
	gone()
	next := w.agent(c)
	if got := w.addresses(next, c); got != "net 10.7.0.5 fd00:7::5" || next.box("box").inode != inode {
		t.Errorf("it has %q in %+v; want %d", got, next.box("box"), inode)
	}
	gone()
	headless := *c
	headless.PID = 0
	if got := w.addresses(w.agent(&headless), &headless); got != "" {
		t.Errorf("it has %q", got)
	}
	machine := *c
	machine.PID = os.Getpid()
	if got := w.addresses(w.agent(&machine), &machine); got != "" {
		t.Errorf("the machine's network was taken for its own: %q", got)
	}
	w.end(w.agent(&headless), c)
	w.empty()
}

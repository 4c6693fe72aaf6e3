package launch

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
)

// with adds mounts to a plan with a root of its own.
func with(t *testing.T, script string, mounts ...isolators.Mount) *isolators.Plan {
	t.Helper()
	p := boxed(t, script)
	p.Mounts = append(p.Mounts, mounts...)
	return p
}

// tree is a directory with files, by their names.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, f)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f), []byte(f+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func prints(t *testing.T, p *isolators.Plan, want string) {
	t.Helper()
	if said, status := run(t, p); said != want || status != 0 {
		t.Errorf("%q, %v; want %q", said, status, want)
	}
}

func TestMounts(t *testing.T) {
	root(t)
	bind := func(source, target string) isolators.Mount {
		return isolators.Mount{Type: "bind", Source: source, Target: target, Flags: unix.MS_BIND, Make: true}
	}
	t.Run("of a directory and of a file, where nothing was", func(t *testing.T) {
		dir := tree(t, "a", "b/c")
		prints(t, with(t, "cat /deep/er/a /one/file", bind(dir, "/deep/er"), bind(dir+"/b/c", "/one/file")), "a\nb/c\n")
	})
	t.Run("that cannot be written, with what is below them", func(t *testing.T) {
		dir := tree(t, "a", "below/x")
		if err := unix.Mount("tmpfs", dir+"/below", "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		defer unix.Unmount(dir+"/below", unix.MNT_DETACH)
		m := bind(dir, "/d")
		m.Flags |= unix.MS_REC | unix.MS_RDONLY
		prints(t, with(t, "echo x 2>/dev/null >/d/a || echo no; echo x 2>/dev/null >/d/below/y || echo no", m), "no\nno\n")
		m.Flags &^= unix.MS_RDONLY
		prints(t, with(t, "echo x >/d/below/y && echo yes", m), "yes\n")
	})
	t.Run("whose source a later one hides", func(t *testing.T) {
		dir := tree(t, "a")
		p := shell("cat " + dir + "/kept/a; ls " + dir)
		p.Namespaces = private
		over := isolators.Mount{Type: "tmpfs", Target: dir}
		kept := bind(dir, dir+"/kept")
		p.Mounts = []isolators.Mount{over, kept}
		prints(t, p, "a\nkept\n")
	})
	t.Run("that are optional", func(t *testing.T) {
		m := bind("/no/such/thing", "/in")
		if err := refused(t, with(t, "true", m)); !errors.Is(err, fault.ErrNotFound) || !strings.Contains(err.Error(), "mount /no/such/thing on /in") {
			t.Error(err)
		}
		m.Optional = true
		n := bind("/etc", "/not/made")
		n.Optional, n.Make = true, false
		prints(t, with(t, "ls -d /in /not 2>/dev/null; true", m, n), "")
	})
	t.Run("from what others change", func(t *testing.T) {
		outside, sandbox := tree(t, "secret"), tree(t, "data/x")
		for name, to := range map[string]string{"out": outside, "up": "../" + filepath.Base(outside), "fine": "data"} {
			if err := os.Symlink(to, filepath.Join(sandbox, name)); err != nil {
				t.Fatal(err)
			}
		}
		from := func(source string) isolators.Mount {
			m := bind(source, "/in")
			m.From = sandbox
			return m
		}
		prints(t, with(t, "cat /in/x", from("fine")), "data/x\n")
		for _, bad := range []string{"out", "up", "../" + filepath.Base(outside), "/etc", "fine/../../" + filepath.Base(outside)} {
			if err := refused(t, with(t, "cat /in/*", from(bad))); !errors.Is(err, fault.ErrDenied) && !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%s: %v", bad, err)
			}
		}
	})
	t.Run("to what others change", func(t *testing.T) {
		p := with(t, "ls /jail/in", isolators.Mount{Type: "tmpfs", Target: "in", Within: "/jail", Make: true})
		if err := os.MkdirAll(p.RootFS+"/jail", 0o755); err != nil {
			t.Fatal(err)
		}
		prints(t, p, "")
		if err := os.Symlink("/etc", p.RootFS+"/jail/link"); err != nil {
			t.Fatal(err)
		}
		p.Mounts[len(p.Mounts)-1].Target = "link"
		if err := refused(t, p); !strings.Contains(err.Error(), "mount tmpfs on link") {
			t.Error(err)
		}
	})
	t.Run("through links of the image stay in it", func(t *testing.T) {
		machine := tree(t, "victim")
		p := with(t, "cat "+machine+"/in/a; ls /", bind(tree(t, "a"), "/link/in"))
		if err := os.Symlink("../../../../../.."+machine, p.RootFS+"/link"); err != nil {
			t.Fatal(err)
		}
		// The link leads to a place of that name in the container, which is not there.
		if err := refused(t, p); !errors.Is(err, fault.ErrNotFound) {
			t.Error(err)
		}
		if err := os.MkdirAll(p.RootFS+machine, 0o755); err != nil {
			t.Fatal(err)
		}
		if said, _ := run(t, p); !strings.HasPrefix(said, "a\n") {
			t.Errorf("%q", said)
		}
		if left, _ := os.ReadDir(machine); len(left) != 1 {
			t.Errorf("on the machine: %v", left)
		}
	})
	t.Run("spread to nobody, and only shared ones back", func(t *testing.T) {
		host := t.TempDir()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(unix.Mount(host, host, "", unix.MS_BIND, ""))
		defer unix.Unmount(host, unix.MNT_DETACH)
		must(unix.Mount("", host, "", unix.MS_SHARED, ""))
		for _, d := range []string{"in", "out"} {
			must(os.Mkdir(filepath.Join(host, d), 0o755))
		}
		for propagation, back := range map[uintptr]bool{0: false, unix.MS_PRIVATE: false, unix.MS_SLAVE: false, unix.MS_SHARED: true} {
			m := bind(host, "/v")
			m.Propagation = propagation
			p := with(t, "mount -t tmpfs inside /v/in; echo mounted; while ! test -e /v/stop; do sleep 0.01; done; test -e /v/out/there && echo seen", m)
			c, out := start(t, p)
			must(c.Go())
			waitFor(t, func() bool {
				b, _ := os.ReadFile("/proc/self/mounts")
				inside, _ := os.ReadFile("/proc/" + itoa(c.PID) + "/mounts")
				return strings.Contains(string(inside), "inside /v/in") && (!back || strings.Contains(string(b), "inside "+host))
			})
			b, _ := os.ReadFile("/proc/self/mounts")
			if spreads := strings.Contains(string(b), "inside "+host); spreads != back {
				t.Errorf("with propagation %#x the container's mount is seen on the machine: %v", propagation, spreads)
			}
			must(unix.Mount("tmpfs", filepath.Join(host, "out"), "tmpfs", 0, ""))
			must(os.WriteFile(filepath.Join(host, "out/there"), nil, 0o644))
			must(os.WriteFile(filepath.Join(host, "stop"), nil, 0o644))
			said := out()
			if seen := strings.Contains(said, "seen"); seen != (propagation != unix.MS_PRIVATE) {
				t.Errorf("with propagation %#x the machine's mount is seen in the container: %v", propagation, seen)
			}
			c.Wait()
			must(os.Remove(filepath.Join(host, "stop")))
			_ = unix.Unmount(filepath.Join(host, "out"), unix.MNT_DETACH)
			_ = unix.Unmount(filepath.Join(host, "in"), unix.MNT_DETACH)
		}
	})
	t.Run("that exist are changed", func(t *testing.T) {
		prints(t, with(t, "touch /x 2>/dev/null || echo no; touch /tmp/x && echo yes",
			isolators.Mount{Type: "tmpfs", Target: "/tmp"}, isolators.Mount{Target: "/", Flags: unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY}), "no\nyes\n")
	})
	t.Run("leave nothing on the machine", func(t *testing.T) {
		before, _ := os.ReadFile("/proc/self/mounts")
		p := with(t, "true", bind(tree(t, "a"), "/a"))
		run(t, p)
		if after, _ := os.ReadFile("/proc/self/mounts"); string(after) != string(before) {
			t.Errorf("%s\nwas\n%s", after, before)
		}
	})
	t.Run("in a user namespace, with borrowed devices", func(t *testing.T) {
		p := mapped(with(t, "id -u; echo x >/dev/null && stat -c '%t,%T' /dev/null; echo y 2>/dev/null >/a/a || echo no", func() isolators.Mount { m := bind(tree(t, "a"), "/a"); m.Flags |= unix.MS_RDONLY; return m }()))
		p.Dir = "/"
		p.Mounts = append(p.Mounts[:2:2], p.Mounts[3:]...) // sys belongs to whom the network belongs to
		for d := p.RootFS; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(p.RootFS, subordinate, subordinate); err != nil {
			t.Fatal(err)
		}
		prints(t, p, "0\n1,3\nno\n")
	})
}

func itoa(n int) string { return strconv.Itoa(n) }

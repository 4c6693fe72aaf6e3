package launch

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
)

// Each of these is really tried by a process in a container.

func TestTheBinaryCannotBeWritten(t *testing.T) {
	root(t)
	t.Run("by the superuser who runs it", func(t *testing.T) {
		p := attacker(t, "overwrite")
		p.Path = "/proc/self/exe" // what the process was born with
		// A file that is run cannot be written anyway; the mount and its flags are what holds afterwards.
		says(t, p, "open *", "open *", "open *", "truncate *", "chmod EROFS", "remount *", "mount_setattr *", "open_tree *")
	})
	t.Run("when nobody runs it any more", func(t *testing.T) {
		// An agent of its own, whose binary is run by nobody when it has ended and its container is another program.
		self, err := os.ReadFile("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		agent, work := filepath.Join(t.TempDir(), "agent"), t.TempDir()
		if err := os.WriteFile(agent, self, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(agent, base64.StdEncoding.EncodeToString([]byte("hold")), newRoot(t), work)
		cmd.Env = append(os.Environ(), attackVariable+"=agent")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "go done\n" {
			t.Fatal(string(out), err)
		}
		if err := os.WriteFile(filepath.Join(work, "go"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		var out []byte
		waitFor(t, func() bool {
			out, _ = os.ReadFile(filepath.Join(work, "out"))
			return bytes.HasSuffix(out, []byte("done\n"))
		})
		if !strings.Contains(string(out), "Read-only file system") {
			t.Errorf("%q", out)
		}
		// That it could be written by its name shows that nothing else was in the way.
		after, err := os.ReadFile(agent)
		if err != nil || sha256.Sum256(after) != sha256.Sum256(self) {
			t.Error("the binary is another one", err)
		}
		if f, err := os.OpenFile(agent, os.O_WRONLY, 0); err != nil {
			t.Error(err)
		} else {
			f.Close()
		}
	})
	t.Run("as the first process that stays", func(t *testing.T) {
		p := boxed(t, `echo x >/proc/1/exe; cat /proc/1/exe >/dev/null; kill -0 1 && echo alive`)
		p.Init = true
		few(t, p)
		said, _ := run(t, p)
		if !strings.HasSuffix(said, "alive\n") || strings.Count(said, "Permission denied") != 2 {
			t.Errorf("%q", said)
		}
	})
	t.Run("as a copy in memory", func(t *testing.T) {
		f, err := copied()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		self, _ := os.ReadFile("/proc/self/exe")
		if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, self) {
			t.Errorf("the copy differs: %d bytes, %v", len(b), err)
		}
		w, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_RDWR, 0)
		if err == nil {
			if _, err = w.WriteAt([]byte("owned"), 0); err == nil {
				t.Error("it was written")
			}
			if w.Truncate(0) == nil || w.Truncate(1<<30) == nil {
				t.Error("its size was changed")
			}
			if _, err := unix.FcntlInt(w.Fd(), unix.F_ADD_SEALS, 0); err == nil {
				t.Error("its seals were changed")
			}
			w.Close() // what is open for writing does not run
		}
		if out, err := exec.Command(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), "-test.list", "^$").CombinedOutput(); err != nil {
			t.Errorf("it does not run: %s, %v", out, err)
		}
	})
}

func TestNoDescriptorLeaks(t *testing.T) {
	root(t)
	// What whoever started the agent may have left open in it, without the mark.
	f, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 5 {
		fd, err := unix.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	p := attacker(t, "descriptors")
	says(t, p, "0", "1", "2")
	p.Init = true
	says(t, p, "0", "1", "2")
	parent := living(t, &isolators.Plan{Namespaces: private | unix.CLONE_NEWNET, Path: "/bin/sleep", Argv: []string{"sleep", "600"}})
	p.Init, p.Namespaces, p.Hostname = false, unix.CLONE_NEWNS, ""
	p.Join = of(t, parent.PID, unix.CLONE_NEWPID|unix.CLONE_NEWNET)
	says(t, p, "0", "1", "2")
}

func TestNoWordOfTheAgentLeaks(t *testing.T) {
	root(t)
	t.Setenv("MESETA_TEST_SECRET", "canary")
	for _, init := range []bool{false, true} {
		p := boxed(t, `cat /proc/*/environ /proc/1/cmdline | tr '\0' '\n' | grep -E '[c]anary|[B]IRTH|[G]OGC|self/[f]d' && echo leaked; env`)
		p.Init = init
		if said, _ := run(t, p); strings.Contains(said, "leaked") || strings.Contains(said, "canary") || !strings.Contains(said, "PATH=/bin\n") {
			t.Errorf("%q", said)
		}
	}
}

func TestNoWayOut(t *testing.T) {
	root(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	p := few(t, attacker(t, "breakout", secret))
	want := []string{"mkdir done", "open done", "chroot done", "fchdir done", "chroot back done", "the machine's file ENOENT",
		"/proc/1/root ENOENT", "/proc/1/cwd ENOENT", "/proc/self/root/../../.. ENOENT", "handle of the file system's root EPERM"}
	says(t, p, want...)
	t.Run("by a working directory outside", func(t *testing.T) {
		p := boxed(t, "pwd")
		for n := 3; n < 20; n++ {
			p.Dir = fmt.Sprintf("/proc/self/fd/%d", n)
			if err := refused(t, p); !strings.Contains(err.Error(), "work in "+p.Dir) {
				t.Error(err)
			}
		}
	})
	t.Run("by a program outside", func(t *testing.T) {
		p := boxed(t, "")
		for n := 3; n < 20; n++ {
			p.Path = fmt.Sprintf("/proc/self/fd/%d/1/root/bin/true", n)
			refused(t, p)
			p.Path = fmt.Sprintf("/proc/self/fd/%d/../../bin/true", n)
			refused(t, p)
		}
	})
}

func TestSetUserID(t *testing.T) {
	root(t)
	p := attacker(t, "ids")
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	powerful := filepath.Join(p.RootFS, "bin/powerful")
	if err := os.WriteFile(powerful, self, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(powerful, 0o755|os.ModeSetuid|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	p.Path, p.UID, p.GID = "/bin/powerful", 65534, 65534
	says(t, p, "65534 0 65534 0")
	p.NoNewPrivileges = true
	says(t, p, "65534 65534 65534 65534")
}

func TestProcessesOfOthers(t *testing.T) {
	root(t)
	other := living(t, boxed(t, "exec sleep 600"))
	says(t, attacker(t, "strangers", fmt.Sprint(other.PID)), "signal ESRCH", "attach ESRCH", "see ENOENT")
	said, _ := run(t, boxed(t, "kill -9 -1; echo alive"))
	if !strings.HasSuffix(said, "alive\n") { // its own first process is spared by the kernel
		t.Errorf("%q", said)
	}
	if err := unix.Kill(other.PID, 0); err != nil {
		t.Error("the other container is dead: ", err)
	}
	t.Run("that are about to join cannot be looked into", func(t *testing.T) {
		spy := few(t, attacker(t, "spy"))
		spy.Namespaces |= unix.CLONE_NEWNET
		c, out := start(t, spy)
		if err := c.Go(); err != nil {
			t.Fatal(err)
		}
		joiner := shell("true")
		joiner.Join = of(t, c.PID, unix.CLONE_NEWPID)
		j, err := Start(joiner, Files{})
		if err != nil {
			t.Fatal(err)
		}
		want := "attach EPERM\nseize EPERM\nmem EACCES\nenviron EACCES\nmaps EACCES\nfd/3 EACCES\nfd/4 EACCES\nroot EACCES\ncwd EACCES\nns/mnt EACCES\nexe EACCES\nread memory EPERM\nget a descriptor EPERM\n"
		if said := out(); said != want {
			t.Errorf("%s\nwant\n%s", said, want)
		}
		j.Wait() // the kernel kills it with the namespace, whose first process ends only when it is gone
		c.Wait()
	})
}

func TestKeysOfTheAgent(t *testing.T) {
	root(t)
	name := fmt.Sprintf("meseta-test-%d", os.Getpid())
	id, err := unix.AddKey("user", name, []byte("canary"), unix.KEY_SPEC_SESSION_KEYRING)
	if err != nil {
		t.Skip("the kernel has no keys: ", err)
	}
	defer unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_SESSION_KEYRING, 0, 0)
	if _, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", name, 0); err != nil {
		t.Fatal("the agent itself does not find it: ", err)
	}
	p := few(t, attacker(t, "keys", fmt.Sprint(id), name))
	p.UID, p.GID = 65534, 65534
	says(t, p, "read EACCES", "search ENOKEY", "link EACCES")
	t.Run("nor by a superuser of other users", func(t *testing.T) {
		parent := living(t, mapped(shell("exec sleep 600")))
		join := attacker(t, "keys", fmt.Sprint(id), name)
		join.Join, join.Namespaces = of(t, parent.PID, unix.CLONE_NEWUSER), unix.CLONE_NEWNS
		join.RootFS, join.Mounts, join.Devices, join.Masked, join.Readonly, join.Hostname = "", nil, nil, nil, nil, ""
		join.Path, join.Dir = "/proc/self/exe", "/"
		says(t, join, "read EACCES", "search ENOKEY", "link EACCES")
	})
}

func TestRawSockets(t *testing.T) {
	root(t)
	const raw = 1 << unix.CAP_NET_RAW
	refused, granted := []string{"raw EPERM", "raw6 *", "packet EPERM", "stream done"}, "raw done\n"
	for _, c := range []struct {
		name    string
		uid     int
		caps    *isolators.Capabilities
		granted bool
	}{
		{"by the superuser with all capabilities", 0, nil, true},
		{"by the superuser without this one", 0, &isolators.Capabilities{Bounding: 1 << unix.CAP_CHOWN}, false},
		{"by another user", 65534, nil, false},
		{"by another user who was the superuser with it", 65534, &isolators.Capabilities{Bounding: raw, Permitted: raw, Effective: raw}, false},
		{"by another user with just this one", 65534, &isolators.Capabilities{Bounding: raw, Permitted: raw, Effective: raw, Inheritable: raw, Ambient: raw}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := attacker(t, "sockets")
			p.UID, p.GID, p.Capabilities = c.uid, c.uid, c.caps
			if !c.granted {
				says(t, p, refused...)
			} else if said, _ := run(t, p); !strings.HasPrefix(said, granted) {
				t.Error(said)
			}
		})
	}
}

func TestTheMachineBehindProc(t *testing.T) {
	root(t)
	p := few(t, attacker(t, "devices"))
	p.Capabilities.Bounding &^= 1 << unix.CAP_MKNOD
	p.Capabilities.Permitted, p.Capabilities.Effective, p.Capabilities.Inheritable = p.Capabilities.Bounding, p.Capabilities.Bounding, p.Capabilities.Bounding
	said, _ := run(t, p)
	for _, bad := range []string{"mknod done", "umount done", "remount done", "proc done", "module done", "time done", "reboot done", "hostname done", "unshare done",
		"write /proc/sysrq-trigger done", "write /proc/sys/kernel/core_pattern done"} {
		if strings.Contains(said, bad+"\n") {
			t.Errorf("%s: %s", bad, said)
		}
	}
	for _, want := range []string{"/proc/keys empty", "/proc/timer_list empty", "firmware 0", "write /proc/sys/kernel/core_pattern EROFS", "write /proc/sysrq-trigger EROFS", "umount EPERM", "proc EPERM"} {
		path := strings.Fields(strings.TrimPrefix(want, "write "))[0]
		if _, err := os.Stat(path); strings.HasPrefix(path, "/proc") && err != nil {
			continue // this kernel has none
		}
		if !strings.Contains(said, want+"\n") {
			t.Errorf("no %q in %s", want, said)
		}
	}
	t.Run("must be proc where it is masked", func(t *testing.T) {
		p := boxed(t, "true")
		p.Mounts = nil // and so the image's own directory is what has the name
		if err := os.MkdirAll(filepath.Join(p.RootFS, "proc/sys"), 0o755); err != nil {
			t.Fatal(err)
		}
		p.Devices = nil
		if err := refused(t, p); !strings.Contains(err.Error(), "/proc/sys is not of a proc file system") {
			t.Error(err)
		}
	})
	t.Run("is found behind a link of the image", func(t *testing.T) {
		p := boxed(t, "cat /proc/timer_list | wc -c; cat /elsewhere/timer_list | wc -c; echo 1 2>/dev/null >/elsewhere/sys/kernel/core_pattern || echo read-only")
		if err := os.Remove(filepath.Join(p.RootFS, "proc")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../../../../../elsewhere", filepath.Join(p.RootFS, "proc")); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(p.RootFS, "elsewhere"), 0o755); err != nil {
			t.Fatal(err)
		}
		if said, _ := run(t, p); !strings.HasSuffix(said, "0\n0\nread-only\n") && !strings.Contains(said, "No such file") {
			t.Errorf("%q", said)
		}
	})
}

// Somebody turns a directory into a link to the machine and back, as fast as it goes, while mounts are made in it and from
// it. Whatever he hits, nothing of the machine is mounted, and nothing is mounted or made on the machine.
func TestRacesAtMounts(t *testing.T) {
	root(t)
	machine := t.TempDir()
	if err := os.WriteFile(filepath.Join(machine, "secret"), []byte("canary"), 0o644); err != nil {
		t.Fatal(err)
	}
	sandbox := t.TempDir()
	p := boxed(t, "cat /in/*; ls /in /mnt/x; grep -c ' /mnt/' /proc/mounts")
	_ = os.MkdirAll(filepath.Join(p.RootFS, "mnt"), 0o755)
	p.Mounts = append(p.Mounts,
		isolators.Mount{Type: "bind", Source: "dir", From: sandbox, Target: "/in", Flags: unix.MS_BIND | unix.MS_REC, Make: true},
		isolators.Mount{Type: "tmpfs", Target: "/mnt/x/tmp", Make: true},
		isolators.Mount{Type: "bind", Source: "dir/sub", From: sandbox, Target: "x/bound", Within: "/mnt", Flags: unix.MS_BIND, Make: true},
	)
	var stop atomic.Bool
	done := make(chan struct{})
	flip := func(at string) {
		// Rename is atomic: there is always one or the other.
		dir, link := at+".dir", at+".link"
		_ = os.MkdirAll(filepath.Join(dir, "sub"), 0o755)
		_ = os.Symlink(machine, link)
		_ = unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, at, 0)
		for !stop.Load() {
			_ = unix.Renameat2(unix.AT_FDCWD, link, unix.AT_FDCWD, at, unix.RENAME_EXCHANGE)
		}
		done <- struct{}{}
	}
	for _, at := range []string{filepath.Join(sandbox, "dir"), filepath.Join(p.RootFS, "mnt/x")} {
		go flip(at)
		defer func() { <-done }()
	}
	defer stop.Store(true)
	ran := 0
	for range 150 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		c, err := Start(p, Files{Stdout: w, Stderr: w})
		w.Close()
		if err != nil {
			t.Fatal(err)
		}
		err = c.Go()
		said, _ := io.ReadAll(r)
		r.Close()
		c.Wait()
		if err == nil {
			ran++
		}
		if bytes.Contains(said, []byte("canary")) || bytes.Contains(said, []byte("secret")) {
			t.Fatalf("the machine's files are in the container: %s", said)
		}
	}
	if list, err := os.ReadDir(machine); err != nil || len(list) != 1 {
		t.Errorf("on the machine there are %v, %v", list, err)
	}
	if mounts, _ := os.ReadFile("/proc/self/mounts"); bytes.Contains(mounts, []byte(machine)) {
		t.Errorf("on the machine is mounted %s", mounts)
	}
	t.Logf("%d of 150 containers ran", ran)
	if ran == 0 {
		t.Error("no container ran, so nothing was shown")
	}
}

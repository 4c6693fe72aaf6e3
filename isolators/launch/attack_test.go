package launch

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"

	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
)

// The test's binary is also what attacks: with this variable it runs one of attacks instead of tests.
const attackVariable = "MESETA_TEST_ATTACK"

func TestMain(m *testing.M) {
	if name, yes := os.LookupEnv(attackVariable); yes {
		runtime.LockOSThread()
		attacks[name](os.Args[1:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// try prints how a system call ended, for the test to compare.
func try(what string, err error) {
	var errno unix.Errno
	switch {
	case err == nil:
		fmt.Println(what, "done")
	case errors.As(err, &errno):
		fmt.Println(what, unix.ErrnoName(errno))
	default:
		fmt.Println(what, err)
	}
}

var attacks = map[string]func(args []string){
	// descriptors that a program has, besides the one that looks.
	"descriptors": func([]string) {
		dir, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			fmt.Println(err)
		}
		for _, e := range dir {
			target, err := os.Readlink("/proc/self/fd/" + e.Name())
			if err != nil || strings.HasPrefix(target, "anon_inode:") || strings.HasSuffix(target, "/fd") {
				continue // the directory itself, and Go's poller
			}
			fmt.Println(e.Name())
		}
	},
	// overwrite the binary that this process runs, by every way that is known.
	"overwrite": func([]string) {
		const exe = "/proc/self/exe"
		for _, flags := range []int{unix.O_WRONLY, unix.O_RDWR, unix.O_WRONLY | unix.O_TRUNC} {
			fd, err := unix.Open(exe, flags, 0)
			if err == nil {
				_, err = unix.Write(fd, []byte("owned"))
			}
			try("open", err)
		}
		try("truncate", unix.Truncate(exe, 0))
		try("chmod", unix.Chmod(exe, 0o777))
		try("remount", unix.Mount("", exe, "", unix.MS_REMOUNT|unix.MS_BIND, ""))
		try("mount_setattr", unix.MountSetattr(unix.AT_FDCWD, exe, 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}))
		fd, err := unix.OpenTree(unix.AT_FDCWD, exe, unix.OPEN_TREE_CLONE)
		if err == nil {
			err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
		}
		try("open_tree", err)
	},
	// hold the binary, become another program, and write to it when nobody runs it any more.
	"hold": func(args []string) {
		fd, err := unix.Open("/proc/self/exe", unix.O_RDONLY, 0)
		try("hold", err)
		script := fmt.Sprintf(`while ! test -e /work/go; do sleep 0.01; done; (echo owned >/proc/self/fd/%d) 2>/work/out; echo done >>/work/out`, fd)
		try("exec", unix.Exec("/bin/sh", []string{"sh", "-c", script}, []string{"PATH=/bin"}))
	},
	// agent is the copy of this binary whose container holds it.
	"agent": func(args []string) {
		plan := decodePlan(args[0])
		plan.RootFS, plan.Mounts[0].Source = args[1], args[2]
		bindLibs(plan)
		c, err := Start(plan, Files{})
		if err == nil {
			err = c.Go()
		}
		try("go", err)
	},
	"ids": func([]string) { fmt.Println(os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid()) },
	"sockets": func([]string) {
		for _, s := range []struct {
			name                string
			domain, kind, proto int
		}{{"raw", unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP}, {"raw6", unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6}, {"packet", unix.AF_PACKET, unix.SOCK_RAW, 0}, {"stream", unix.AF_INET, unix.SOCK_STREAM, 0}} {
			fd, err := unix.Socket(s.domain, s.kind, s.proto)
			try(s.name, err)
			unix.Close(fd)
		}
	},
	// keys of the agent, by number and by name.
	"keys": func(args []string) {
		id, _ := strconv.Atoi(args[0])
		buf := make([]byte, 64)
		_, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, buf, 0)
		try("read", err)
		_, err = unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", args[1], 0)
		try("search", err)
		_, err = unix.KeyctlInt(unix.KEYCTL_LINK, id, unix.KEY_SPEC_SESSION_KEYRING, 0, 0)
		try("link", err)
	},
	// breakout by the classic ways of root in a changed root.
	"breakout": func(args []string) {
		try("mkdir", os.Mkdir("/tmp/sub", 0o755))
		fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		try("open", err)
		try("chroot", unix.Chroot("/tmp/sub"))
		try("fchdir", unix.Fchdir(fd))
		for range 64 {
			_ = unix.Chdir("..")
		}
		try("chroot back", unix.Chroot("."))
		_, err = os.Stat(args[0])
		try("the machine's file", err)
		for _, way := range []string{"/proc/1/root", "/proc/1/cwd", "/proc/self/root/../../.."} {
			_, err = os.Stat(way + args[0])
			try(way, err)
		}
		// Every process that there is, is in here: entering its namespaces leads nowhere else.
		mine, _ := os.Readlink("/proc/self/ns/mnt")
		procs, _ := filepath.Glob("/proc/[0-9]*/ns/mnt")
		for _, p := range procs {
			if theirs, err := os.Readlink(p); err == nil && theirs != mine {
				fmt.Println("another namespace at", p)
			}
		}
		_, err = unix.OpenByHandleAt(unix.AT_FDCWD, unix.NewFileHandle(1, []byte{2, 0, 0, 0, 0, 0, 0, 0}), unix.O_RDONLY)
		try("handle of the file system's root", err)
	},
	// look into a process by every door.
	"spy": func([]string) {
		var pid int
		for pid == 0 {
			comms, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, c := range comms {
				if text, _ := os.ReadFile(c); strings.HasPrefix(string(text), "meseta-container") {
					pid, _ = strconv.Atoi(strings.Split(c, "/")[2])
				}
			}
		}
		// It closes itself at the very beginning of its life, which is not over when it is first seen.
		var err error
		for err == nil {
			_, err = os.Readlink(fmt.Sprintf("/proc/%d/fd/3", pid))
		}
		try("attach", unix.PtraceAttach(pid))
		try("seize", unix.PtraceSeize(pid))
		for _, f := range []string{"mem", "environ", "maps", "fd/3", "fd/4", "root", "cwd", "ns/mnt"} {
			_, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, f))
			try(f, err)
		}
		_, err = os.OpenFile(fmt.Sprintf("/proc/%d/exe", pid), os.O_WRONLY, 0)
		try("exe", err)
		_, err = unix.ProcessVMReadv(pid, []unix.Iovec{{Base: new(byte), Len: 1}}, []unix.RemoteIovec{{Base: 0x400000, Len: 1}}, 0)
		try("read memory", err)
		pidfd, _ := unix.PidfdOpen(pid, 0)
		_, err = unix.PidfdGetfd(pidfd, 3, 0)
		try("get a descriptor", err)
	},
	// strangers that are not in here: by the machine's number.
	"strangers": func(args []string) {
		pid, _ := strconv.Atoi(args[0])
		try("signal", unix.Kill(pid, unix.SIGKILL))
		try("attach", unix.PtraceAttach(pid))
		_, err := os.Stat("/proc/" + args[0])
		try("see", err)
	},
	"devices": func([]string) {
		try("mknod", unix.Mknod("/tmp/disk", unix.S_IFBLK|0o600, int(unix.Mkdev(254, 0))))
		for _, f := range []string{"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern"} {
			b := make([]byte, 1)
			file, err := os.Open(f)
			if err == nil {
				if n, e := file.Read(b); n == 0 && e != nil {
					fmt.Println(f, "empty")
				}
				file.Close()
			}
			_, err = os.OpenFile(f, os.O_WRONLY, 0)
			try("write "+f, err)
		}
		list, _ := os.ReadDir("/sys/firmware")
		fmt.Println("firmware", len(list))
		try("umount", unix.Unmount("/proc/sys", unix.MNT_DETACH))
		try("remount", unix.Mount("", "/proc/sys", "", unix.MS_REMOUNT|unix.MS_BIND, ""))
		try("proc", unix.Mount("proc", "/tmp", "proc", 0, ""))
		try("module", initModule())
		try("time", unix.Settimeofday(&unix.Timeval{Sec: 1}))
		try("reboot", unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF))
		try("hostname", unix.Sethostname([]byte("x")))
		try("unshare", unix.Unshare(unix.CLONE_NEWNS))
	},
}

func initModule() error {
	_, _, e := unix.Syscall(unix.SYS_INIT_MODULE, 0, 0, uintptr(unsafe.Pointer(unsafe.StringData("\x00"))))
	return e
}

// attacker is a plan that runs an attack in a root of its own, with what the test's binary needs to run.
func attacker(t testing.TB, attack string, args ...string) *isolators.Plan {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := boxed(t, "")
	ro := uintptr(unix.MS_BIND | unix.MS_RDONLY | unix.MS_NOSUID)
	p.Mounts = append(p.Mounts, isolators.Mount{Type: "bind", Source: self, Target: "/attack", Flags: ro, Make: true})
	bindLibs(p)
	p.Path, p.Argv = "/attack", append([]string{"attack"}, args...)
	p.Env = append(p.Env, attackVariable+"="+attack)
	return p
}

// few are the capabilities of Docker's containers.
func few(t testing.TB, p *isolators.Plan) *isolators.Plan {
	keep := uint64(0xa80425fb) & owned(t)
	p.Capabilities = &isolators.Capabilities{Bounding: keep, Permitted: keep, Effective: keep, Inheritable: keep}
	return p
}

// says runs an attack and compares line by line what came of it; "*" after a word is any outcome that is no success.
func says(t *testing.T, p *isolators.Plan, want ...string) {
	t.Helper()
	said, status := run(t, p)
	lines := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
	if said == "" {
		lines = nil
	}
	same := slices.EqualFunc(lines, want, func(is, want string) bool {
		if what, any := strings.CutSuffix(want, " *"); any {
			return strings.HasPrefix(is, what+" ") && !strings.HasSuffix(is, " done")
		}
		return is == want
	})
	if !same || status != 0 {
		t.Errorf("%v:\n%s\nwant\n%s", status, said, strings.Join(want, "\n"))
	}
}

func decodePlan(s string) *isolators.Plan {
	script, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return &isolators.Plan{
		Namespaces: private, Dir: "/", Path: "/proc/self/exe", Argv: []string{"attack"},
		Env:    []string{"PATH=/bin", attackVariable + "=" + string(script)},
		Mounts: []isolators.Mount{{Type: "bind", Target: "/work", Flags: unix.MS_BIND}, {Type: "proc", Target: "/proc"}},
	}
}

// bindLibs brings what this binary needs where it has a dynamic loader.
func bindLibs(p *isolators.Plan) {
	for _, lib := range []string{"/lib", "/lib64", "/usr/lib"} {
		p.Mounts = append(p.Mounts, isolators.Mount{Type: "bind", Source: lib, Target: lib, Flags: unix.MS_BIND | unix.MS_RDONLY, Make: true, Optional: true})
	}
}

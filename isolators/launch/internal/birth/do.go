package birth

import (
	"syscall"
	"unsafe"
)

// world is what the steps have changed so far.
type world struct {
	step  uint32 // the index of the one that is being taken
	root  int    // the directory where paths of the container begin; -1: not yet looked for
	proc  int    // the machine's /proc, opened while it could not be anything else; -1 likewise
	ended bool
	trees []int // of the Tree steps; -1: not there, and optional

	// What becomes of this process when it stays, and where the program's status goes; 0: it does not, nowhere.
	init, status int

	tail tail // what is collected for the last moment
}

// do takes one step. Those from Rlimit on are collected, and taken together by Exec, because nothing may come between
// giving up rights and running the program.
func (w *world) do(s Step) *failure {
	n := func(i int) uintptr {
		if i < len(s.N) {
			return uintptr(s.N[i])
		}
		return 0
	}
	str := func(i int) string {
		if i < len(s.S) {
			return s.S[i]
		}
		return ""
	}
	switch s.Op {
	case Sysctl:
		return w.sysctl(str(0), str(1))
	case Join:
		return w.enter(str(0), n(0), s.N[1])
	case Enter:
		return w.bear(s)
	case Unshare:
		_, _, e := syscall.RawSyscall(syscall.SYS_UNSHARE, n(0), 0, 0)
		return maybeErrno(e, "")
	case Hostname:
		return maybe(syscall.Sethostname([]byte(str(0))))
	case Spread:
		return maybe(syscall.Mount("", "/", "", n(0), ""))
	case Tree:
		return w.tree(str(0), str(1), n(0), n(1), n(2)&Optional != 0)
	case Root:
		return w.takeRoot(str(0))
	case Mount:
		return w.mount(mount{str(0), str(1), str(2), str(3), str(4), n(0), n(1), n(2)&Make != 0, n(2)&Optional != 0, int(n(3)) - 1})
	case Device:
		return w.device(str(0), uint32(n(0)), int(n(1)), int(n(2)), int(n(3)))
	case Link:
		return w.link(str(0), str(1))
	case Mask:
		return w.mask(str(0))
	case Readonly:
		return w.readonly(str(0))
	case Pivot:
		return w.pivot()
	case Keyring:
		return keyring()
	case Umask:
		w.forget()
		syscall.Umask(int(n(0)))
		return nil
	case Dir:
		return w.dir(str(0))
	}
	return w.late(s)
}

// forget what is open of the machine, before paths of the container's own making are followed: one that leads through
// /proc/self/fd would come out there.
func (w *world) forget() {
	for _, fd := range []*int{&w.proc, &w.root} {
		if *fd >= 0 {
			syscall.Close(*fd)
			*fd = -1
		}
	}
}

func maybe(err error) *failure {
	if err == nil {
		return nil
	}
	return failed(err, "")
}

// keyring: what the agent's session has in its keyring is not for containers. A kernel without keys, or a machine that
// forbids them, keeps them from containers too. Without root a user's keys are all of his processes' anyway, and he has a small
// quota of them.
func keyring() *failure {
	_, _, e := syscall.RawSyscall(syscall.SYS_KEYCTL, keyctlJoin, 0, 0)
	switch {
	case e == 0, e == syscall.ENOSYS, e == syscall.EPERM, e == syscall.EDQUOT && syscall.Geteuid() != 0:
		return nil
	}
	return &failure{e, ""}
}

// sysctl writes below the machine's /proc/sys, which shows each process those of its own namespaces.
func (w *world) sysctl(path, value string) *failure {
	if f := w.openProc(); f != nil {
		return f
	}
	fd, err := syscall.Openat(w.proc, "sys/"+path, syscall.O_WRONLY|syscall.O_CLOEXEC|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return failed(err, "")
	}
	defer syscall.Close(fd)
	_, err = syscall.Write(fd, []byte(value))
	return maybe(err)
}

// enter a namespace that a thread may enter by itself. A mount namespace brings the root with it, and the machine's /proc
// must be held before it is out of sight.
func (w *world) enter(path string, kind uintptr, inode uint64) *failure {
	if kind == cloneNewNS {
		if f := w.openProc(); f != nil {
			return f
		}
		// Threads share root and working directory until they say that they do not.
		if _, _, e := syscall.RawSyscall(syscall.SYS_UNSHARE, cloneFS, 0, 0); e != 0 {
			return &failure{e, ""}
		}
	}
	fd, f := namespace(path, inode)
	if f != nil {
		return f
	}
	defer syscall.Close(fd)
	if _, _, e := syscall.RawSyscall(sysSetns, uintptr(fd), kind, 0); e != 0 {
		return &failure{e, ""}
	}
	return nil
}

// namespace opens the file of one, and makes sure that it is the one that was meant: the process that was in it may have
// ended, and its number been given out again.
func namespace(path string, inode uint64) (int, *failure) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1, failed(err, path)
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil || inode != 0 && st.Ino != inode {
		syscall.Close(fd)
		return -1, &failure{syscall.ESRCH, path + " is another namespace by now"}
	}
	return fd, nil
}

// openProc holds the machine's /proc, and makes sure that it is one.
func (w *world) openProc() *failure {
	if w.proc >= 0 {
		return nil
	}
	fd, err := syscall.Open("/proc", oPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return failed(err, "/proc")
	}
	if !isProc(fd) {
		return &failure{syscall.EINVAL, "/proc is no proc file system"}
	}
	w.proc = fd
	return nil
}

func isProc(fd int) bool {
	var st syscall.Statfs_t
	return syscall.Fstatfs(fd, &st) == nil && st.Type == procMagic
}

// dir changes to a directory and makes sure that the process can see where it is: a working directory outside of the
// root would be a way out.
func (w *world) dir(path string) *failure {
	if err := syscall.Chdir(path); err != nil {
		return failed(err, "")
	}
	var buf [syscall.PathMax]byte
	n, _, e := syscall.RawSyscall(syscall.SYS_GETCWD, uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0)
	if e != 0 {
		return &failure{e, ""}
	}
	if n == 0 || buf[0] != '/' {
		return &failure{syscall.EINVAL, "it is outside of the container's root"}
	}
	return nil
}

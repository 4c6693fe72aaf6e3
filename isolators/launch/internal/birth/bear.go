package birth

import (
	"syscall"
	"unsafe"
)

// bear has a process born inside of namespaces that exist, which takes over from this one. A user namespace lets only
// processes with a single thread in, which this one never was, and a pid namespace only those that are born in it: so a
// fork, which has one thread, enters, forks once more, and the last one starts as this one did. All are children of the
// agent, which is told the numbers that it does not know.
func (w *world) bear(s Step) *failure {
	if f := w.openProc(); f != nil {
		return f
	}
	n := len(s.S)
	p := &passage{step: w.step, kinds: s.N[:n], anew: uintptr(s.N[n]), names: s.S, proc: w.proc}
	var err error
	if p.self, err = syscall.Open("/proc/self/exe", oPath|syscall.O_CLOEXEC, 0); err != nil {
		return failed(err, "/proc/self/exe")
	}
	for i, path := range s.S {
		fd, f := namespace(path, s.N[n+1+i])
		if f != nil {
			return f
		}
		p.fds = append(p.fds, fd)
	}
	p.argv, _ = syscall.SlicePtrFromStrings([]string{Name})
	p.env, _ = syscall.SlicePtrFromStrings(syscall.Environ())
	old := blockSignals()
	pid, e := fork(cloneParent)
	if e == 0 && pid == 0 {
		p.take()
	}
	setMask(old)
	w.ended = true
	return maybeErrno(e, "fork")
}

// passage is what a fork needs, which has no runtime of Go any more: its other threads are not there. No memory is allocated
// in it, no lock taken, and no function entered that looks whether it is to be preempted: a request that the runtime made before
// the fork would send it to sleep for ever. Hence go:nosplit on everything that a fork does; system calls are made raw.
type passage struct {
	step      uint32
	kinds     []uint64
	anew      uintptr
	names     []string
	fds       []int
	self      int
	proc      int
	argv, env []*byte
	word      [reportBytes]byte
	number    [16]byte
}

// take goes through the namespaces and does not return.
//
//go:nosplit
//go:norace
func (p *passage) take() {
	p.tell(Passing)
	var joined uintptr
	for i := 0; i < len(p.fds); i++ {
		if _, _, e := syscall.RawSyscall(sysSetns, uintptr(p.fds[i]), uintptr(p.kinds[i]), 0); e != 0 {
			p.say(uint32(e), p.names[i])
		}
		joined |= uintptr(p.kinds[i])
		if p.kinds[i] == cloneNewUser {
			p.superuser()
		}
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_UNSHARE, p.anew&^cloneNewPID, 0, 0); e != 0 {
		p.say(uint32(e), "make new ones")
	}
	// The kernel makes a pid namespace only inside of that which the maker is in itself, not in one that it merely entered for
	// its children.
	if joined&p.anew&cloneNewPID != 0 {
		p.fork(0)
		p.tell(Passing)
	}
	p.fork(p.anew & cloneNewPID)
	p.tell(Born)
	_, _, e := syscall.RawSyscall6(sysExecveat, uintptr(p.self), uintptr(unsafe.Pointer(&empty)), uintptr(unsafe.Pointer(&p.argv[0])), uintptr(unsafe.Pointer(&p.env[0])), atEmptyPath, 0)
	p.say(uint32(e), "start over inside")
}

// superuser of the inside, or the program's start would take the capabilities away again.
//
//go:nosplit
//go:norace
func (p *passage) superuser() {
	syscall.RawSyscall(syscall.SYS_SETGROUPS, 0, 0, 0) // where it is forbidden there is nothing to gain by it
	_, _, e := syscall.RawSyscall(syscall.SYS_SETRESGID, 0, 0, 0)
	if e == 0 {
		_, _, e = syscall.RawSyscall(syscall.SYS_SETRESUID, 0, 0, 0)
	}
	if e != 0 {
		p.say(uint32(e), "become its superuser")
	}
}

// fork goes on in the child, whose parent is the agent.
//
//go:nosplit
//go:norace
func (p *passage) fork(flags uintptr) {
	pid, e := fork(cloneParent | flags)
	if e != 0 {
		p.say(uint32(e), "fork")
	}
	if pid != 0 {
		leave(0)
	}
}

// tell the agent the number of this process as the machine's /proc has it.
//
//go:nosplit
//go:norace
func (p *passage) tell(word uint32) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_READLINKAT, uintptr(p.proc), uintptr(unsafe.Pointer(&selfName)), uintptr(unsafe.Pointer(&p.number)), uintptr(len(p.number)), 0, 0)
	if e != 0 {
		p.say(uint32(e), "its number")
	}
	var pid uint32
	for i := uintptr(0); i < n && i < uintptr(len(p.number)); i++ {
		pid = pid*10 + uint32(p.number[i]-'0')
	}
	p.send(word, pid, 0)
}

var selfName = [5]byte{'s', 'e', 'l', 'f'}

// say what failed, and end.
//
//go:nosplit
//go:norace
func (p *passage) say(errno uint32, detail string) {
	p.send(p.step, errno, copy(p.word[WordBytes:], detail))
	leave(1)
}

//go:nosplit
//go:norace
func (p *passage) send(step, errno uint32, detail int) {
	set32(&p.word[0], step)
	set32(&p.word[4], errno)
	syscall.RawSyscall(syscall.SYS_WRITE, ReportFD, uintptr(unsafe.Pointer(&p.word)), uintptr(WordBytes+detail))
}

// set32 is put32 in place.
//
//go:nosplit
//go:norace
func set32(at *byte, v uint32) {
	*(*[4]byte)(unsafe.Pointer(at)) = [4]byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)}
}

//go:nosplit
//go:norace
func leave(code uintptr) {
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, code, 0, 0)
	}
}

// fork this thread, with signals blocked, as a process without any other. What it may do is a matter of system calls only.
//
//go:nosplit
//go:norace
func fork(flags uintptr) (uintptr, syscall.Errno) {
	pid, _, e := syscall.RawSyscall6(syscall.SYS_CLONE, flags|uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	return pid, e
}

func blockSignals() uint64 {
	all, old := ^uint64(0), uint64(0)
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	return old
}

func setMask(m uint64) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&m)), 0, 8, 0, 0)
}

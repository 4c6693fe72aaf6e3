package birth

import (
	"syscall"
	"unsafe"
)

// tail is what gives up rights and becomes the program, as nothing but system calls with everything that they point to
// made ready. So it can be done where the runtime of Go is not, in a process forked from it, and under a filter that allows
// little more than execve.
type tail struct {
	calls []call
	keep  []any // what the calls point to: Go moves nothing on its heap, but it forgets what nobody names
}

type call struct {
	nr   uintptr
	a    [5]uintptr
	step uint32
	pass []syscall.Errno // no failures: the next call is tried
}

func (w *world) call(nr uintptr, a ...uintptr) {
	c := call{nr: nr, step: w.step}
	copy(c.a[:], a)
	w.tail.calls = append(w.tail.calls, c)
}

func (w *world) prctl(option uintptr, a ...uintptr) {
	w.call(syscall.SYS_PRCTL, append([]uintptr{option}, a...)...)
}

// held says where something is that lives as long as the tail.
func held[T any](w *world, v *T) uintptr {
	w.tail.keep = append(w.tail.keep, v)
	return uintptr(unsafe.Pointer(v))
}

// late collects the steps of the last moment, and at Exec takes them.
func (w *world) late(s Step) *failure {
	switch s.Op {
	case Stay:
		w.init, w.status = int(s.N[0]), int(s.N[1])
	case Rlimit:
		w.call(syscall.SYS_PRLIMIT64, 0, uintptr(s.N[0]), held(w, &[2]uint64{s.N[1], s.N[2]}))
	case Bounding:
		for c := range s.N[1] + 1 {
			if s.N[0]&(1<<c) == 0 {
				w.prctl(prCapbsetDrop, uintptr(c))
			}
		}
	case KeepCaps:
		w.prctl(prSetKeepCaps, 1)
	case Groups:
		gids := make([]uint32, len(s.N)+1)
		for i, n := range s.N {
			gids[i] = uint32(n)
		}
		w.call(syscall.SYS_SETGROUPS, uintptr(len(s.N)), held(w, &gids[0]))
	case GID:
		w.call(syscall.SYS_SETRESGID, uintptr(s.N[0]), uintptr(s.N[0]), uintptr(s.N[0]))
	case UID:
		w.call(syscall.SYS_SETRESUID, uintptr(s.N[0]), uintptr(s.N[0]), uintptr(s.N[0]))
	case Caps:
		w.caps(s.N[0], s.N[1], s.N[2])
	case Ambient:
		w.prctl(prCapAmbient, ambientClearAll)
		for c := range uintptr(64) {
			if s.N[0]&(1<<c) != 0 {
				w.prctl(prCapAmbient, ambientRaise, c)
			}
		}
	case NoNewPrivs:
		w.prctl(prSetNoNewPrivs, 1)
	case CloseRest:
		w.call(sysCloseRange, StepsFD, 1<<32-1, closeRangeExec)
	case Seccomp:
		w.seccomp(s.S[0])
	case Exec:
		if f := w.program(s); f != nil {
			return f
		}
		report(Report{Step: Ready})
		if w.init != 0 {
			return w.stay()
		}
		var e syscall.Errno
		w.step, e = w.tail.run()
		return &failure{e, ""}
	}
	return nil
}

func (w *world) caps(effective, permitted, inheritable uint64) {
	head := [2]uint32{capVersion3, 0}
	data := [6]uint32{
		uint32(effective), uint32(permitted), uint32(inheritable),
		uint32(effective >> 32), uint32(permitted >> 32), uint32(inheritable >> 32),
	}
	w.call(syscall.SYS_CAPSET, held(w, &head), held(w, &data))
}

func (w *world) seccomp(filter string) {
	code := make([]uint64, len(filter)/8+1) // aligned as the kernel likes it
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&code[0])), len(filter)), filter)
	prog := struct {
		n    uint16
		code *uint64
	}{uint16(len(filter) / 8), &code[0]}
	w.call(sysSeccomp, seccompSetFilter, 0, held(w, &prog))
}

// program is the last call, or several, one for each place where the program may be.
func (w *world) program(s Step) *failure {
	places, rest := s.S[:s.N[0]], s.S[s.N[0]:]
	argv, err := syscall.SlicePtrFromStrings(rest[:s.N[1]])
	if err != nil {
		return failed(err, "a zero byte in an argument")
	}
	env, err := syscall.SlicePtrFromStrings(rest[s.N[1]:])
	if err != nil {
		return failed(err, "a zero byte in the environment")
	}
	w.call(syscall.SYS_RT_SIGPROCMASK, 2, held(w, new(uint64)), 0, 8) // SIG_SETMASK: no signal is blocked in the program
	for i, place := range places {
		p, err := syscall.BytePtrFromString(place)
		if err != nil {
			return failed(err, "a zero byte in the path")
		}
		w.call(syscall.SYS_EXECVE, held(w, p), held(w, &argv[0]), held(w, &env[0]))
		if i < len(places)-1 {
			w.tail.calls[len(w.tail.calls)-1].pass = []syscall.Errno{syscall.ENOENT, syscall.ENOTDIR, syscall.EACCES}
		}
	}
	return nil
}

// run makes the calls. It returns with the failure of one only. A program that was found and must not be run is more
// telling than that there was none elsewhere.
//
//go:nosplit
//go:nosplit
//go:norace
func (t *tail) run() (step uint32, e syscall.Errno) {
	var denied bool
	for i := 0; i < len(t.calls); i++ {
		c := &t.calls[i]
		e = c.do()
		if e == 0 {
			continue
		}
		if c.passes(e) {
			denied = denied || e == syscall.EACCES
			continue
		}
		if denied && e == syscall.ENOENT {
			e = syscall.EACCES
		}
		return c.step, e
	}
	return 0, syscall.ENOENT // there was no program among the calls
}

// do one call. Linux refuses execve with EAGAIN while another thread of ours is being born, which does not last.
//
//go:nosplit
//go:nosplit
//go:norace
func (c *call) do() (e syscall.Errno) {
	for n := 0; n < 100; n++ {
		_, _, e = syscall.RawSyscall6(c.nr, c.a[0], c.a[1], c.a[2], c.a[3], c.a[4], 0)
		if c.nr != syscall.SYS_EXECVE || e != syscall.EAGAIN {
			break
		}
	}
	return e
}

//
//go:nosplit
//go:nosplit
//go:norace
func (c *call) passes(e syscall.Errno) bool {
	for _, p := range c.pass {
		if p == e {
			return true
		}
	}
	return false
}

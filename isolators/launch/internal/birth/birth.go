package birth

import (
	"syscall"
	"unsafe"
)

// An init function and not main: see the package comment.
func init() {
	if _, marked := syscall.Getenv(Marker); marked {
		be()
		syscall.Exit(1) // what went wrong is told
	}
}

// be reads the steps and takes them. It returns when one failed, or nobody wants this process any more.
func be() {
	// Where others may look at us, as in a pid namespace that we were born into, they see nothing. The program that we become
	// is like any other. The superuser's processes only: others would hide from the agent too.
	if syscall.Geteuid() == 0 {
		prctl(prSetDumpable, 0, 0)
	}
	prctl(prSetPdeathsig, 0, 0) // containers outlive the agent
	forgetSignals()
	syscall.Umask(0) // modes are meant as they are written
	for {
		steps, ok := receive()
		if steps == nil {
			if !ok {
				report(Report{Step: Garbled})
			}
			return
		}
		w := &world{root: -1, proc: -1}
		for i, s := range steps {
			w.step = uint32(i)
			if f := w.do(s); f != nil {
				report(Report{w.step, f.errno, f.detail})
				return
			}
		}
		// Steps that do not end in a program end in another process.
		if w.ended {
			syscall.Exit(0)
		}
	}
}

// forgetSignals that whoever started the agent had it ignore, as nohup does: they would stay ignored in the program.
func forgetSignals() {
	type action struct{ handler, flags, restorer, mask uint64 }
	for sig := uintptr(1); sig <= 64; sig++ {
		var old, none action
		_, _, e := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&old)), 8, 0, 0)
		if e == 0 && old.handler == 1 { // SIG_IGN
			syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&none)), 0, 8, 0, 0)
		}
	}
}

// receive steps; without any the pipe has ended, or when ok is false held something else.
func receive() (steps []Step, ok bool) {
	head := make([]byte, header)
	switch n := fill(head); {
	case n == 0:
		return nil, true
	case n < header || string(head[:len(magic)]) != magic:
		return nil, false
	}
	size := u32(head[len(magic):])
	if size == 0 || size > MaxBytes {
		return nil, false
	}
	b := make([]byte, size)
	if fill(b) < len(b) {
		return nil, false
	}
	if steps, ok = Decode(b); !ok {
		return nil, false
	}
	return steps, true
}

// fill reads until b is full or the pipe has ended.
func fill(b []byte) int {
	n := 0
	for n < len(b) {
		m, err := syscall.Read(StepsFD, b[n:])
		if err == syscall.EINTR {
			continue
		}
		if m <= 0 || err != nil {
			break
		}
		n += m
	}
	return n
}

func report(r Report) {
	_, _ = syscall.Write(ReportFD, r.Bytes()) // with nobody there to hear it the process ends all the same
}

func prctl(option, a, b uintptr) syscall.Errno {
	_, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, option, a, b, 0, 0, 0)
	return e
}

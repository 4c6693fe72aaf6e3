package birth

import (
	"syscall"
	"unsafe"
)

const capKill = 5

// stay forks the program, and becomes the first process of the pid namespace for good: a program of a page (package
// launch has it) that hands on signals, takes in orphans and ends as the program ends. Nothing of this process' memory stays with
// it, and of its rights only the one to send signals to whatever users the program's processes have.
func (w *world) stay() *failure {
	word := make([]byte, WordBytes)
	var none uint64
	// The program waits until the end of this pipe, which is when this process has become another one: nothing in the
	// container ever sees it as it is now.
	gate := make([]int, 2)
	if err := syscall.Pipe2(gate, syscall.O_CLOEXEC); err != nil {
		return failed(err, "a pipe")
	}
	blockSignals() // for good: who comes after waits for them instead of being interrupted
	pid, e := fork(0)
	if e != 0 {
		return &failure{e, "fork"}
	}
	if pid == 0 {
		w.goOn(&gate[0], &word[0])
	}
	status := "0"
	if w.status != 0 {
		status = itoa(w.status)
	}
	argv, _ := syscall.SlicePtrFromStrings([]string{InitName, itoa(int(pid)), status})
	w.tail = tail{}
	for c := range uintptr(lastPossible + 1) {
		if c != capKill {
			w.prctl(prCapbsetDrop, c)
		}
	}
	w.caps(1<<capKill, 1<<capKill, 0)
	w.prctl(prSetNoNewPrivs, 1)
	root, _ := syscall.BytePtrFromString("/")
	w.call(syscall.SYS_CHDIR, held(w, root))
	w.call(sysCloseRange, 0, uintptr(max(w.status-1, 2)), closeRangeExec)
	w.call(sysCloseRange, uintptr(max(w.status, 2)+1), 1<<32-1, closeRangeExec)
	w.call(sysExecveat, uintptr(w.init), uintptr(unsafe.Pointer(&empty)), held(w, &argv[0]), held(w, &none), atEmptyPath)
	for i := range w.tail.calls {
		if c := &w.tail.calls[i]; c.nr == syscall.SYS_PRCTL && c.a[0] == prCapbsetDrop {
			c.pass = []syscall.Errno{syscall.EINVAL} // the kernel does not know so many
		}
	}
	_, e = w.tail.run()
	return &failure{e, "become " + InitName}
}

// goOn is what the fork does: it becomes the program, or says why not. See passage for what it may not do.
//
//go:nosplit
//go:norace
func (w *world) goOn(gate *int, word *byte) {
	ends := (*[2]int)(unsafe.Pointer(gate))
	syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(ends[1]), 0, 0)
	syscall.RawSyscall(syscall.SYS_READ, uintptr(ends[0]), uintptr(unsafe.Pointer(word)), 1)
	// A session of its own, as the program has without this one before it.
	syscall.RawSyscall(syscall.SYS_SETSID, 0, 0, 0)
	step, e := w.tail.run()
	words := (*[WordBytes]byte)(unsafe.Pointer(word))
	set32(&words[0], step)
	set32(&words[4], uint32(e))
	syscall.RawSyscall(syscall.SYS_WRITE, ReportFD, uintptr(unsafe.Pointer(word)), WordBytes)
	leave(1)
}

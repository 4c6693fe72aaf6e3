package birth

import "syscall"

// Report is what a process says of itself: which step failed and how, the last thing ever; or before that one of the
// words below.
type Report struct {
	Step   uint32 // index of the step, or one of the words below
	Errno  syscall.Errno
	Detail string // of what exactly, where the step does not say it
}

// Words instead of the index of a step.
const (
	Born    uint32 = 0xffffffff - iota // Errno is the number of the process that takes over after Enter
	Passing                            // Errno is the number of one that came between and ends
	Ready                              // all steps are taken but those of the last moment, after which it is the program
	Garbled                            // what came through the pipe were no steps
)

// WordBytes is the size of a report without a detail, as those of Born, Passing and Ready are.
const WordBytes = 8

// reportBytes is how much of a report is read.
const reportBytes = 4096

// Bytes writes a report.
func (r Report) Bytes() []byte {
	b := put32(put32(nil, r.Step), uint32(r.Errno))
	return append(b, r.Detail[:min(len(r.Detail), reportBytes-8)]...)
}

// ReadReport reads one; false when b is none.
func ReadReport(b []byte) (Report, bool) {
	if len(b) < 8 {
		return Report{}, false
	}
	return Report{u32(b), syscall.Errno(u32(b[4:])), string(b[8:])}, true
}

// failure is why a step failed.
type failure struct {
	errno  syscall.Errno
	detail string
}

func failed(err error, detail string) *failure {
	errno, _ := err.(syscall.Errno)
	if errno == 0 {
		errno = syscall.EINVAL // such as a zero byte in a string
	}
	return &failure{errno, detail}
}

func maybeErrno(e syscall.Errno, detail string) *failure {
	if e == 0 {
		return nil
	}
	return &failure{e, detail}
}

package job

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Exit codes of meseta itself, out of the way of most commands' own, as in shells and container tools.
const (
	ExitTimeout     = 124 // --timeout was over
	ExitOwn         = 125 // meseta or the cluster failed, and the command's status is not known
	ExitNotRunnable = 126 // the command is there and cannot be run
	ExitNotFound    = 127 // there is no such command
	exitSignal      = 128 // and the number of the signal that ended the command
)

var (
	exited = regexp.MustCompile(`exited with status (\d+)`)
	signal = regexp.MustCompile(`terminated with signal ([A-Za-z0-9 +_-]+)`)
)

// ExitCode is the code that stands for a task's last status. An executor tells its command's status in words only,
// as in Mesos.
func ExitCode(s *mesospb.TaskStatus) int {
	if s.GetState() == mesospb.TaskState_TASK_FINISHED {
		return 0
	}
	if s.Limitation != nil {
		return exitSignal + int(unix.SIGKILL) // that is how a container ends that breaks a limit
	}
	message := s.GetMessage()
	if m := exited.FindStringSubmatch(message); m != nil {
		if code, err := strconv.Atoi(m[1]); err == nil && code > 0 && code < 256 {
			return code
		}
	}
	if m := signal.FindStringSubmatch(message); m != nil {
		if n := signalNumber(m[1]); n > 0 {
			return exitSignal + n
		}
	}
	switch {
	case s.GetState() == mesospb.TaskState_TASK_KILLED:
		return exitSignal + int(unix.SIGTERM)
	case !strings.HasPrefix(message, "Failed to launch the command"):
		return ExitOwn
	case strings.Contains(message, "no such file or directory"), strings.Contains(message, "command not found"):
		return ExitNotFound
	case strings.Contains(message, "permission denied"):
		return ExitNotRunnable
	}
	return ExitOwn
}

// signalNumber reads "SIGKILL", "KILL", "9", or the C library's "Killed".
func signalNumber(name string) int {
	name = strings.TrimSpace(name)
	if n, err := strconv.Atoi(name); err == nil {
		return n
	}
	if n := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG")); n != 0 {
		return int(n)
	}
	for n := unix.Signal(1); n < 32; n++ {
		if strings.HasPrefix(strings.ToLower(name), n.String()) {
			return int(n)
		}
	}
	return 0
}

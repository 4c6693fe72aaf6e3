package cast

import (
	"strconv"
	"strings"
	"syscall"
	"time"
)

// shell understands as much of sh as tasks of tests need, in virtual time: "sleep 2.5", "exit 3", "true", "false",
// "echo …", "kill -9 $$" and "trap ” TERM", separated by ";" or "&&". Anything else is not found (127).
func shell(p *Process) {
	script := ""
	if argv := p.Spec.Argv; len(argv) > 0 {
		script = argv[len(argv)-1]
	}
	s := &interpreter{process: p, rest: strings.Split(strings.ReplaceAll(script, "&&", ";&&"), ";")}
	s.next()
}

type interpreter struct {
	process *Process
	rest    []string
	status  int
}

func (s *interpreter) next() {
	for !s.process.ended {
		if len(s.rest) == 0 {
			s.process.Exit(s.status)
			return
		}
		command := strings.TrimSpace(s.rest[0])
		s.rest = s.rest[1:]
		if then, ok := strings.CutPrefix(command, "&&"); ok {
			if s.status != 0 {
				continue
			}
			command = strings.TrimSpace(then)
		}
		if wait := s.run(strings.Fields(command)); wait > 0 {
			s.process.World().At(wait, s.next)
			return
		}
	}
}

// run does one command and says how long it takes.
func (s *interpreter) run(words []string) time.Duration {
	if len(words) == 0 {
		return 0
	}
	s.status = 0
	switch words[0] {
	case "true", "echo", ":", "exec":
	case "false":
		s.status = 1
	case "sleep":
		seconds, err := strconv.ParseFloat(last(words), 64)
		if err != nil {
			s.status = 1
			return 0
		}
		return time.Duration(seconds * float64(time.Second))
	case "exit":
		s.status, _ = strconv.Atoi(last(words))
		s.rest = nil
	case "kill":
		s.process.Kill(syscall.SIGKILL)
	case "trap":
		s.process.OnSignal(func(sig syscall.Signal) bool { return sig == syscall.SIGTERM })
	default:
		s.status = 127
	}
	return 0
}

func last(words []string) string { return words[len(words)-1] }

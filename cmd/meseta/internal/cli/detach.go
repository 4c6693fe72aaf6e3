package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/meseta-io/meseta/cmd/meseta/internal/job"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
)

// supervisedVariable gives a supervisor the id of its run, and says that it is one.
const supervisedVariable = "MESETA_SUPERVISED"

// word is what a supervisor tells the command that started it, one JSON object a line.
type word struct {
	Say     string       `json:"say,omitempty"` // something for people
	Style   screen.Style `json:"style,omitempty"`
	Running []string     `json:"running,omitempty"` // the ids; the supervisor needs nobody any more
	Exit    *int         `json:"exit,omitempty"`    // it is over
	Error   string       `json:"error,omitempty"`   // with Exit
}

// parent is the command that started a supervisor. It goes away; what it does not hear is in the log.
type parent struct{ pipe *os.File }

func (p *parent) tell(w word) {
	line, err := json.Marshal(w)
	if err == nil {
		_, _ = p.pipe.Write(append(line, '\n'))
	}
}

func (p *parent) say(style screen.Style, text string) { p.tell(word{Say: text, Style: style}) }

// detach leaves a run to a process of its own: in its own session, with nothing of this terminal. It returns when the
// tasks run.
func (a *app) detach(s *spec) error {
	log, err := openRunLog(s.id)
	if err != nil {
		return &exit{job.ExitOwn, fmt.Errorf("--detach: %w", err)}
	}
	defer log.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.Command(self, a.arguments...)
	child.Env = append(os.Environ(), supervisedVariable+"="+s.id)
	child.Stdout, child.Stderr, child.ExtraFiles = log, log, []*os.File{writer}
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, endings()...)
	defer signal.Stop(signals)
	if err := child.Start(); err != nil {
		return err
	}
	_ = writer.Close() // the child has its own; when that closes, it has ended
	return a.await(child, reader, signals, s, log.Name())
}

// await hears a supervisor until its tasks run, or it ends. Whoever interrupts meanwhile wants no tasks.
func (a *app) await(child *exec.Cmd, from *os.File, signals <-chan os.Signal, s *spec, log string) error {
	words := make(chan word)
	go func() {
		defer close(words)
		lines := bufio.NewScanner(from)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var w word
			if json.Unmarshal(lines.Bytes(), &w) == nil {
				words <- w
			}
		}
	}()
	for {
		select {
		case sign := <-signals:
			_ = child.Process.Signal(sign) // it may have ended
		case w, ok := <-words:
			switch {
			case !ok:
				return &exit{job.ExitOwn, fmt.Errorf("what was to watch the task has ended; its last words are in %s", log)}
			case w.Exit != nil:
				return ended(*w.Exit, w.Error)
			case w.Running != nil:
				fmt.Fprintln(a.out, strings.Join(w.Running, "\n"))
				return nil
			case !s.quiet:
				fmt.Fprintln(a.err, a.err.Paint(w.Style, "meseta: "+w.Say))
			}
		}
	}
}

// ended is the end of a run, as this command's own. Nothing is wrong with what ended well before it was left alone.
func ended(code int, text string) error {
	switch {
	case code == 0:
		return nil
	case text == "":
		return &exit{code: code}
	}
	return &exit{code, errors.New(text)}
}

// supervise is the other side: the run, with nobody to show it to.
func (a *app) supervise(s *spec) error {
	s.parent = &parent{os.NewFile(3, "parent")}
	syscall.CloseOnExec(3)
	err := a.runTask(s)
	code, text := 0, ""
	if err != nil {
		code = 1
		if e, ok := errors.AsType[*exit](ownError(err)); ok {
			code = e.code
		}
		text = plain(err.Error())
	}
	s.parent.tell(word{Exit: &code, Error: text})
	return err
}

// tellParent says that all tasks run, or have ended well already, as soon as that is so.
func (w *watch) tellParent() {
	if w.spec.parent == nil || w.ran {
		return
	}
	var ids []string
	for _, i := range w.instances {
		if !i.started() {
			return
		}
		ids = append(ids, i.id())
	}
	w.ran = true
	w.spec.parent.tell(word{Running: ids})
}

const (
	// maxRunLogs is how many logs of runs are kept.
	maxRunLogs = 100
	// runLogs is where, below the home of the user.
	runLogs = ".meseta/runs"
)

// openRunLog makes the log of a run, for its user alone, and takes away the oldest of many.
func openRunLog(id string) (*os.File, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, fmt.Errorf("there is no home directory to keep the log in: set HOME: %w", err)
	}
	dir := filepath.Join(home, filepath.FromSlash(runLogs))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	trimRunLogs(dir)
	name := strings.ReplaceAll(id, "/", "_") + ".log"
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		fmt.Fprintf(f, "%s %s begins\n", time.Now().Format(time.DateTime), id)
	}
	return f, err
}

// trimRunLogs is a courtesy: what cannot be removed stays.
func trimRunLogs(dir string) {
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	if len(logs) < maxRunLogs {
		return
	}
	age := func(name string) time.Time {
		info, err := os.Stat(name)
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortFunc(logs, func(a, b string) int { return age(a).Compare(age(b)) })
	for _, name := range logs[:len(logs)-maxRunLogs+1] {
		_ = os.Remove(name)
	}
}

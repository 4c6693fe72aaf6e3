package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// logsConfig is what `meseta logs` can be told.
type logsConfig struct {
	reach
	Follow bool `flag:"follow" short:"f" help:"go on while the task runs and prints more"`
	Stderr bool `flag:"stderr" help:"what the task wrote to stderr, in place of stdout"`
	Lines  int  `flag:"lines" short:"n" help:"begin with the last so many lines; negative: with the first"`
}

func (a *app) logs() *cobra.Command {
	config := logsConfig{reach: reach{Master: defaultMaster}, Lines: -1}
	c := &cobra.Command{Use: "logs [flags] TASK", Short: "print what a task has written", GroupID: "use", Args: arguments(1, 1),
		Example: "  meseta logs web.1\n  meseta logs -f -n 20 --stderr web.1"}
	a.completes(c, taskIDs)
	return bind(c, &config, func(args []string) error {
		c, err := config.client()
		if err != nil {
			return err
		}
		s, err := snap(a.ctx, c)
		if err != nil {
			return masterError(config.Master, err)
		}
		t, err := s.task(args[0])
		if err != nil {
			return err
		}
		agent, at, err := s.sandbox(t)
		if err != nil {
			return err
		}
		name := "stdout"
		if config.Stderr {
			name = "stderr"
		}
		file := api.File{Agent: agent, Path: at + "/" + name}
		l := &logReader{app: a, c: c, task: t, file: api.OpenLog(file), master: config.Master}
		l.file.Gap = func() {
			fmt.Fprintln(a.err, a.err.Paint(screen.Yellow, "meseta: lines are missing here: they were rotated away before they could be read"))
		}
		if config.Lines >= 0 {
			if err := l.skipTo(file, config.Lines); err != nil {
				return fileError([]string{args[0], name}, err)
			}
		}
		if config.Follow {
			return l.follow()
		}
		_, err = l.file.Copy(a.ctx, c, a.out)
		return fileError([]string{args[0], name}, err)
	})
}

// logReader copies a task's output as it grows.
type logReader struct {
	*app
	c      *api.Client
	task   *mesospb.Task
	file   *api.Log
	master string
}

// skipTo sets the reader to the beginning of the last so many lines. It looks for them from the end, so that a long log
// need not be read.
func (l *logReader) skipTo(f api.File, lines int) error {
	if err := f.Measure(l.ctx, l.c); err != nil {
		return err
	}
	end := f.Size
	for back := uint64(16 << 10); ; back *= 4 {
		f.Offset = end - min(back, end)
		var text bytes.Buffer
		if _, err := f.Copy(l.ctx, l.c, &text, int64(end-f.Offset), nil); err != nil {
			return err
		}
		begin := end - uint64(text.Len())
		if at, found := lastLines(text.Bytes(), lines); found || begin == 0 {
			f.Offset = begin + uint64(at)
			l.file.From(f)
			return nil
		}
	}
}

// lastLines says where the last n lines begin, and whether there are as many.
func lastLines(text []byte, n int) (at int, found bool) {
	at = len(text)
	if n == 0 {
		return at, true
	}
	end := len(text)
	if end > 0 && text[end-1] == '\n' {
		end-- // a newline ends its line and begins none
	}
	for ; n > 0; n-- {
		end = bytes.LastIndexByte(text[:end], '\n')
		if end < 0 {
			return 0, false
		}
	}
	return end + 1, true
}

// follow copies until the task has ended and everything that it wrote is here. An agent that restarts is waited for.
func (l *logReader) follow() error {
	wait, away := followMin, false
	for {
		ended := l.ended() // asked before the last look: what was written before the end is seen by it
		n, err := l.file.Copy(l.ctx, l.c, l.out)
		switch {
		case l.ctx.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, fault.ErrUnavailable) && !(api.IsMissing(err) && !ended):
			return fileError([]string{l.task.GetTaskId().GetValue(), "output"}, err)
		case err == nil && ended && n == 0:
			return nil
		}
		if gone := errors.Is(err, fault.ErrUnavailable); gone != away {
			if away = gone; gone {
				fmt.Fprintln(l.err, l.err.Paint(screen.Yellow, "meseta: the agent does not answer; waiting for it"))
			}
		}
		if wait = min(2*wait, followMax); n > 0 {
			wait = followMin
		}
		pause(l.ctx, wait)
	}
}

// ended asks whether the task is over. Whoever does not answer does not say so.
func (l *logReader) ended() bool {
	if over(l.task.GetState()) {
		return true
	}
	state, err := l.c.Task(l.ctx, l.task.GetFrameworkId().GetValue(), l.task.GetTaskId().GetValue())
	switch {
	case err != nil:
		return false
	case state == "":
		return true // the master has forgotten it
	}
	if number, ok := mesospb.TaskState_value[state]; ok {
		l.task.State = mesospb.TaskState(number).Enum()
	}
	return over(l.task.GetState())
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

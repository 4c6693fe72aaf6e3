package api

import (
	"context"
	"io"
	"strconv"
	"time"
)

// Log is a file that a task prints to, with the older files that it has become: PATH.1, PATH.2 and so on, the oldest last.
// It is read from the beginning of the oldest one, and through every rotation, as if it were one file.
type Log struct {
	File
	// Gap is called when lines were thrown away before they could be read; nil: nobody cares.
	Gap func()

	path string // of the newest file
	nth  int    // how old the file is that is being read, by its name
	of   string // which file that is
}

// OpenLog is the log with all that is kept of it.
func OpenLog(f File) *Log { return &Log{File: File{Agent: f.Agent}, path: f.Path, nth: -1} }

// From begins elsewhere: where a reader of the newest file stands.
func (l *Log) From(f File) { l.File, l.nth, l.of = f, 0, f.ID }

func (l *Log) name(nth int) string {
	if nth <= 0 {
		return l.path
	}
	return l.path + "." + strconv.Itoa(nth)
}

// Copy writes what there is from where the last one ended.
func (l *Log) Copy(ctx context.Context, c *Client, w io.Writer) (n int64, err error) {
	if l.nth < 0 {
		if err := l.begin(ctx, c); err != nil {
			return 0, err
		}
	}
	for {
		l.Path = l.name(l.nth)
		data, err := l.read(ctx, c, -1)
		switch {
		case err != nil && !(IsMissing(err) && l.of != ""):
			return n, err
		case err != nil || l.ID != l.of:
			if err := l.search(ctx, c); err != nil {
				return n, err
			}
		case len(data) > 0:
			if _, err := w.Write(data); err != nil {
				return n, err
			}
			n += int64(len(data))
			l.Offset += uint64(len(data))
		case l.Size < l.Offset:
			l.shrunk(ctx, c)
		case l.nth == 0:
			return n, nil
		default:
			if err := l.step(ctx, c); err != nil {
				return n, err
			}
		}
	}
}

// look asks which file has a name, and how large it is.
func (l *Log) look(ctx context.Context, c *Client, nth int) (File, error) {
	f := File{Agent: l.Agent, Path: l.name(nth)}
	return f, f.Measure(ctx, c)
}

// begin goes to the oldest file.
func (l *Log) begin(ctx context.Context, c *Client) error {
	oldest, nth := File{}, -1
	err := l.every(ctx, c, func(f File, n int) bool { oldest, nth = f, n; return false })
	if err != nil {
		return err
	}
	if nth < 0 {
		_, err := l.look(ctx, c, 0) // which says why
		return err
	}
	l.nth, l.of, l.Offset = nth, oldest.ID, 0
	return nil
}

// every looks at the files, the newest first, until somebody has seen enough. While they are being renamed one name
// after the other is vacant for a moment; two are only at the end.
func (l *Log) every(ctx context.Context, c *Client, enough func(f File, nth int) bool) error {
	for nth, vacant := 0, 0; vacant < 2; nth++ {
		f, err := l.look(ctx, c, nth)
		switch {
		case IsMissing(err):
			vacant++
		case err != nil:
			return err
		case enough(f, nth):
			return nil
		default:
			vacant = 0
		}
	}
	return nil
}

// tries is how often a file that was renamed is looked for; what is not found then is gone.
const tries = 5

// search finds the file again that was being read. If it is gone, so are the lines in it.
func (l *Log) search(ctx context.Context, c *Client) error {
	for range tries {
		found := false
		err := l.every(ctx, c, func(f File, nth int) bool {
			if found = f.ID == l.of; found {
				l.nth = nth
			}
			return found
		})
		if err != nil || found {
			return err
		}
		if err := rest(ctx); err != nil {
			return err
		}
	}
	if l.Gap != nil {
		l.Gap()
	}
	return l.begin(ctx, c)
}

func rest(ctx context.Context) error {
	timer := time.NewTimer(5 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// step goes on with the next newer file: the one with the name before, if the file that is done with still has its own
// afterwards. If not, all names have moved meanwhile.
func (l *Log) step(ctx context.Context, c *Client) error {
	newer, err := l.look(ctx, c, l.nth-1)
	if err != nil && !IsMissing(err) {
		return err
	}
	same, again := l.look(ctx, c, l.nth)
	if err != nil || again != nil || same.ID != l.of {
		if again != nil && !IsMissing(again) {
			return again
		}
		return l.search(ctx, c)
	}
	l.nth, l.of, l.Offset = l.nth-1, newer.ID, 0
	return nil
}

// shrunk goes to the beginning of a file that was emptied. An agent that does not say which file is which may have
// rotated it instead; then its older name has at least what was read.
func (l *Log) shrunk(ctx context.Context, c *Client) {
	if l.of == "" {
		if older, err := l.look(ctx, c, l.nth+1); err == nil && older.Size >= l.Offset {
			l.nth++
			return
		}
	}
	l.Offset = 0
}

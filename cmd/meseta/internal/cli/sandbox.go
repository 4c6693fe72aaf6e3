package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// folder is the sandbox of a task, or a part of it.
type folder struct {
	c     *api.Client
	agent string // pid
	path  string
}

// sandboxOf finds the sandbox of the task that people mean.
func (a *app) sandboxOf(r reach, task string) (folder, error) {
	c, err := r.client()
	if err != nil {
		return folder{}, err
	}
	s, err := snap(a.ctx, c)
	if err != nil {
		return folder{}, masterError(r.Master, err)
	}
	t, err := s.task(task)
	if err != nil {
		return folder{}, err
	}
	agent, at, err := s.sandbox(t)
	return folder{c, agent, at}, err
}

// in is a file of the folder. A name that leads out of it leads to its root instead.
func (f folder) in(name string) folder {
	return folder{f.c, f.agent, path.Join(f.path, path.Clean("/"+name))}
}

func (a *app) ls() *cobra.Command {
	config := asks()
	c := &cobra.Command{Use: "ls [flags] TASK [PATH]", Short: "list the files in the sandbox of a task", GroupID: "use",
		Args: arguments(1, 2), Example: "  meseta ls web.1\n  meseta ls web.1 logs/"}
	a.completes(c, taskIDs)
	return bind(c, &config, func(args []string) error {
		asJSON, err := config.json()
		if err != nil {
			return err
		}
		f, err := a.sandboxOf(config.reach, args[0])
		if err != nil {
			return err
		}
		f = f.in(strings.Join(args[1:], ""))
		files, err := f.c.List(a.ctx, f.agent, f.path)
		if err != nil {
			return fileError(args, err)
		}
		if asJSON {
			return a.printFiles(files)
		}
		return a.out.Table([]string{"MODE", "USER", "SIZE", "CHANGED", "NAME"}, fileRows(files))
	})
}

func (a *app) printFiles(files []*mesospb.FileInfo) error {
	for _, f := range files {
		if err := a.printJSON(f); err != nil {
			return err
		}
	}
	return nil
}

func fileRows(files []*mesospb.FileInfo) (rows [][]screen.Cell) {
	slices.SortFunc(files, func(a, b *mesospb.FileInfo) int { return cmp.Compare(a.GetPath(), b.GetPath()) })
	for _, f := range files {
		name, style := path.Base(f.GetPath()), screen.Plain
		if isFolder(f) {
			name, style = name+"/", screen.Blue
		}
		rows = append(rows, []screen.Cell{
			{Text: os.FileMode(f.GetMode() & 0o777).String()[1:], Style: screen.Faint}, {Text: f.GetUid()},
			{Text: bytesText(f.GetSize()), Right: true}, {Text: unixTime(float64(f.GetMtime().GetNanoseconds()) / 1e9).Format("2006-01-02 15:04:05")},
			{Text: name, Style: style},
		})
	}
	return rows
}

// isFolder reads the mode of a file, as stat has it.
func isFolder(f *mesospb.FileInfo) bool { return f.GetMode()&0o170000 == 0o040000 }

// bytesText writes a size for people.
func bytesText(n uint64) string {
	if n < 10<<10 {
		return fmt.Sprintf("%d B", n)
	}
	if n < 10<<20 {
		return fmt.Sprintf("%d KB", n>>10)
	}
	return sizeOf(float64(n) / (1 << 20))
}

func (a *app) cat() *cobra.Command {
	config := asks()
	c := &cobra.Command{Use: "cat [flags] TASK PATH", Short: "print a file of a task's sandbox", GroupID: "use", Args: arguments(2, 2),
		Example: "  meseta cat web.1 config.json"}
	a.completes(c, taskIDs)
	bind(c, &config, func(args []string) error {
		f, err := a.sandboxOf(config.reach, args[0])
		if err != nil {
			return err
		}
		f = f.in(args[1])
		_, err = (&api.File{Agent: f.agent, Path: f.path}).Copy(a.ctx, f.c, a.out, -1, nil)
		return fileError(args, err)
	})
	hide(c.Flags(), "output")
	return c
}

func (a *app) get() *cobra.Command {
	config := asks()
	c := &cobra.Command{Use: "get [flags] TASK PATH [TO]", Short: "copy a file or folder from a task's sandbox", GroupID: "use", Args: arguments(2, 3),
		Long:    "Copies a file, or a folder with everything in it, from a task's sandbox to TO: a new name, or a folder that exists. Without\nTO it comes here under its own name.",
		Example: "  meseta get web.1 core.1234\n  meseta get web.1 logs/ /tmp"}
	a.completes(c, taskIDs)
	bind(c, &config, func(args []string) error {
		f, err := a.sandboxOf(config.reach, args[0])
		if err != nil {
			return err
		}
		to := "."
		if len(args) == 3 {
			to = args[2]
		}
		return fileError(args, a.fetch(f.in(args[1]), to))
	})
	hide(c.Flags(), "output")
	return c
}

// fetch copies a file or folder to a place of this machine.
func (a *app) fetch(f folder, to string) error {
	name := path.Base(f.path)
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		to = filepath.Join(to, name)
	}
	file := &api.File{Agent: f.agent, Path: f.path}
	if err := file.Measure(a.ctx, f.c); err == nil {
		return a.fetchFile(a.ctx, f.c, file, func() (io.WriteCloser, error) { return os.Create(to) })
	} else if api.IsMissing(err) || errors.Is(err, fault.ErrUnavailable) {
		return err
	}
	// What is there and cannot be read is a folder, or refuses to be listed too.
	if _, err := f.c.List(a.ctx, f.agent, f.path); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	// Names come from the agent: whatever they are, nothing is written outside of the folder.
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	return a.fetchFolder(f, root, ".", 0)
}

// maxDepth bounds how deep a folder may be: a link can make it endless.
const maxDepth = 64

func (a *app) fetchFolder(f folder, root *os.Root, at string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: more than %d folders deep; a link may lead back up", f.path, maxDepth)
	}
	files, err := f.c.List(a.ctx, f.agent, f.path)
	if err != nil {
		return err
	}
	for _, info := range files {
		name := path.Base(info.GetPath())
		below, here := f.in(name), filepath.Join(at, name)
		below.path = path.Join(f.path, name)
		if isFolder(info) {
			if err := root.Mkdir(here, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
				return err
			}
			if err := a.fetchFolder(below, root, here, depth+1); err != nil {
				return err
			}
			continue
		}
		file := &api.File{Agent: f.agent, Path: below.path, Size: info.GetSize()}
		if err := a.fetchFile(a.ctx, f.c, file, func() (io.WriteCloser, error) { return root.Create(here) }); err != nil {
			return err
		}
	}
	return nil
}

// fetchFile copies one file and shows how far it is.
func (a *app) fetchFile(ctx context.Context, c *api.Client, f *api.File, create func() (io.WriteCloser, error)) error {
	to, err := create()
	if err != nil {
		return err
	}
	bar := a.progress(path.Base(f.Path))
	n, err := f.Copy(ctx, c, to, -1, func(f *api.File) { bar.at(f.Offset, f.Size) })
	bar.end(fmt.Sprintf("%s, %s", path.Base(f.Path), bytesText(uint64(n))), err)
	return errors.Join(err, to.Close())
}

// fileError says of a file that it is not there, or what else it is, in the words that were typed.
func fileError(args []string, err error) error {
	what := orElse(strings.Join(args[1:min(2, len(args))], ""), "sandbox")
	if api.IsMissing(err) {
		return fmt.Errorf("task %s has no %s in its sandbox, or its sandbox was removed", args[0], what)
	}
	if u, gone := errors.AsType[*api.Unreachable](err); gone {
		return fmt.Errorf("the agent of task %s at %s cannot be reached; its files are there again when it returns", args[0], u.Who)
	}
	if r, refused := errors.AsType[*api.Refusal](err); refused && strings.Contains(r.Text, "directory") {
		return fmt.Errorf("%s is a folder: meseta ls lists it, and meseta get copies it", what)
	}
	return err
}

package posix

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/containerizer"
)

// streams are what a container is started with: its files, or pipes to its logger.
func (l *Launcher) streams(spec containerizer.Spec, credential *syscall.Credential, o *owner) (streams, error) {
	opened, err := openStreams(spec, o)
	if err != nil || len(spec.Logger) == 0 {
		return opened, err
	}
	opened.close() // made for the logger, which as the container's user could not make them in every sandbox
	return l.logged(spec, credential, o)
}

// logged starts the logger. It has nothing by which a container is found, so no end of a container hits it: not its
// cookie, nor its session, nor a parent in it. It ends with the last process that can print.
func (l *Launcher) logged(spec containerizer.Spec, credential *syscall.Credential, o *owner) (streams, error) {
	if l.subreaper {
		return nil, errors.New("a logger is for containers of an agent: an executor waits for all that it starts")
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	ends, writers := streams{null, null, null}, streams{}
	defer func() { ends.close() }()
	for range 2 {
		r, w, err := pipe(o)
		if err != nil {
			writers.close()
			return nil, err
		}
		ends, writers = append(ends, r), append(writers, w)
	}
	attr := &syscall.ProcAttr{Dir: spec.Dir, Files: ends.fds(), Sys: &syscall.SysProcAttr{Setsid: true, Credential: credential}}
	pid, err := syscall.ForkExec(spec.Logger[0], spec.Logger, attr)
	if err != nil {
		writers.close()
		return nil, fmt.Errorf("run the logger %s in %s: %w", spec.Logger[0], spec.Dir, err)
	}
	go reap(pid, &child{ended: make(chan struct{})}) // nobody asks how it ended, but somebody has to hear it
	stdin, err := os.Open(os.DevNull)
	if err != nil {
		writers.close()
		return nil, err
	}
	return append(streams{stdin}, writers...), nil
}

// pipe is owned by the container's user, who may open /dev/stdout again as he may open a file.
func pipe(o *owner) (r, w *os.File, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil { // os.Pipe's do not block, which no program expects of its output
		return nil, nil, err
	}
	r, w = os.NewFile(uintptr(ends[0]), "pipe"), os.NewFile(uintptr(ends[1]), "pipe")
	if o == nil {
		return r, w, nil
	}
	if err = w.Chown(o.uid, o.gid); err != nil {
		r.Close()
		w.Close()
	}
	return r, w, err
}

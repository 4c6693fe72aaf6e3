package cni

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/version"
)

// runner runs plugins for libcni. They come from the operator, but may hang, flood, and start others that outlive them:
// time and output have a bound, and the whole process group ends with the plugin.
type runner struct {
	version.PluginDecoder
	timeout time.Duration
}

// patience is how long one call of a plugin may take. Address servers that are asked over the network answer within seconds.
const patience = time.Minute

// Bounds of what a plugin may say.
const (
	mostResult = 1 << 20
	mostError  = 4 << 10
)

// FindInPath implements invoke.Exec.
func (*runner) FindInPath(plugin string, paths []string) (string, error) {
	path, err := invoke.FindInPath(plugin, paths)
	if err != nil {
		return "", fmt.Errorf("there is no plugin %q in %s (--network_cni_plugins_dir)", plugin, strings.Join(paths, ":"))
	}
	return path, nil
}

// ExecPlugin implements invoke.Exec.
func (r *runner) ExecPlugin(ctx context.Context, path string, stdin []byte, environ []string) ([]byte, error) {
	for {
		out, err := r.once(ctx, path, stdin, environ)
		// A plugin that is just being replaced.
		if !errors.Is(err, syscall.ETXTBSY) {
			return out, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (r *runner) once(ctx context.Context, path string, stdin []byte, environ []string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.timeout, fmt.Errorf("it took longer than %v", r.timeout))
	defer cancel()
	// Who floods is ended: it may not notice that nobody listens.
	ctx, flooded := context.WithCancelCause(ctx)
	defer flooded(nil)
	stdout := &bounded{most: mostResult, over: func() { flooded(fmt.Errorf("it said more than %d bytes", mostResult)) }}
	stderr := &bounded{most: mostError, over: func() {}}
	c := exec.CommandContext(ctx, path)
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(stdin), stdout, stderr
	c.Env = few(environ)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	err := c.Run()
	if c.Process != nil {
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // what it left running
	}
	switch {
	case err == nil:
		return stdout.kept, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("it was stopped: %w", context.Cause(ctx))
	}
	return nil, failure(err, stdout.kept, stderr.kept)
}

// few leaves out what the agent's environment has besides: it may hold secrets, and is no business of plugins.
func few(environ []string) []string {
	kept := []string{"PATH=" + os.Getenv("PATH")}
	if kept[0] == "PATH=" {
		kept[0] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	for _, v := range environ {
		if strings.HasPrefix(v, "CNI_") {
			kept = append(kept, v)
		}
	}
	return kept
}

// failure is what a plugin says of what went wrong: an object on its standard output, or whatever it wrote.
func failure(err error, stdout, stderr []byte) error {
	var said types.Error
	if json.Unmarshal(stdout, &said) == nil && said.Msg != "" {
		return &said
	}
	for _, text := range [][]byte{stderr, stdout} {
		if words := strings.TrimSpace(string(text)); words != "" {
			if len(words) > mostError {
				words = words[:mostError]
			}
			return fmt.Errorf("%w: %s", err, strings.ToValidUTF8(words, "?"))
		}
	}
	return fmt.Errorf("%w, and it said nothing", err)
}

// bounded keeps the beginning of what is written. It is no bytes.Buffer itself, whose ReadFrom would know no bound.
type bounded struct {
	kept []byte
	most int
	over func()
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.most - len(b.kept)
	if len(p) > room {
		b.over()
	}
	b.kept = append(b.kept, p[:min(len(p), room)]...)
	return len(p), nil
}

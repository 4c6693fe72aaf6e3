package posix

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/containerizer"
)

// lookPath finds a program as a shell in dir with that environment would.
func lookPath(name string, env []string, dir string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("no program to run")
	}
	if strings.Contains(name, "/") {
		return name, nil // relative to dir, by the kernel after chdir
	}
	for _, place := range filepath.SplitList(pathOf(env)) {
		candidate := filepath.Join(place, name)
		if !filepath.IsAbs(candidate) {
			candidate = filepath.Join(dir, candidate)
		}
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("%s: command not found in PATH=%s", name, pathOf(env))
}

// pathOf is the PATH of an environment; the last one wins, as in a shell.
func pathOf(env []string) string {
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = value
		}
	}
	return path
}

// owner is who the sandbox's files belong to; nil for the caller.
type owner struct{ uid, gid int }

// identity turns a user's name into what the kernel needs. The supplementary groups come along, or the task
// would keep those of the agent.
func identity(name string) (*syscall.Credential, *owner, error) {
	if name == "" {
		return nil, nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, nil, fmt.Errorf("no user %q on this machine", name)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, nil, fmt.Errorf("user %q has the id %q: %w", name, u.Uid, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, nil, fmt.Errorf("user %q has the group id %q: %w", name, u.Gid, err)
	}
	if uid == os.Geteuid() {
		return nil, nil, nil
	}
	if os.Geteuid() != 0 {
		return nil, nil, fmt.Errorf("cannot run as %q: only root may change to another user", name)
	}
	credential := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, nil, fmt.Errorf("groups of user %q: %w", name, err)
	}
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			credential.Groups = append(credential.Groups, uint32(n))
		}
	}
	return credential, &owner{uid, gid}, nil
}

// streams are the three standard files of a container.
type streams []*os.File

func (s streams) close() {
	for _, f := range s {
		if f != os.Stdout && f != os.Stderr {
			f.Close()
		}
	}
}

func (s streams) fds() []uintptr {
	fds := make([]uintptr, len(s))
	for i, f := range s {
		fds[i] = f.Fd()
	}
	return fds
}

func openStreams(spec containerizer.Spec, o *owner) (streams, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	opened := streams{null}
	for _, out := range []struct {
		path string
		own  *os.File
	}{{spec.Stdout, os.Stdout}, {spec.Stderr, os.Stderr}} {
		f, err := openStream(out.path, out.own, o)
		if err != nil {
			opened.close()
			return nil, err
		}
		opened = append(opened, f)
	}
	return opened, nil
}

// openStream does not follow a link, so a sandbox cannot make the agent write elsewhere.
func openStream(path string, own *os.File, o *owner) (*os.File, error) {
	if path == "" {
		return own, nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, err
	}
	if o != nil {
		if err := f.Chown(o.uid, o.gid); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

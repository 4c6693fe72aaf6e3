// Package files is the one door to files for people: the logs of masters and agents and the sandboxes of tasks, under
// the virtual paths that Mesos has for them, over /files/browse, read, download and debug, and for the calls LIST_FILES
// and READ_FILE. Sandboxes are written by tasks, which may be hostile, so nothing else opens them on behalf of
// somebody outside.
//
// Two things keep a reader inside. A directory that is attached is remembered as what it is (its device and inode),
// not by its name, so whoever moves it away and puts a link in its place is not followed. And below it everything goes
// through an os.Root: names, links and races cannot lead out, whatever the path says. Links are followed as long as
// they stay inside. Only regular files are opened: what a thing is is looked at through a descriptor that does not open it.
//
// It leaves to others who is asked (the gateway authenticates) and what may be seen by whom (an Allow comes with
// everything that is attached).
//
// A volume in a sandbox is a link that leads out of it. It is attached on its own, at the link's path: a Root of its own,
// for those who may see the sandbox, as long as there are both.
package files

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/meseta-io/meseta/messages/authorization"
)

// Allow says whether somebody may see what is attached. It is called for each request, from any goroutine. Nil allows
// everybody.
type Allow = func(authorization.Subject) bool

// Service is the virtual files of one node. All methods may be called from any goroutine.
type Service struct {
	mu       sync.RWMutex
	attached map[string]*attachment // by virtual path, without a slash at the end
}

// attachment is a file or directory of the host under a virtual path.
type attachment struct {
	host string      // resolved
	is   fs.FileInfo // what it was when it was attached
	may  Allow
	// inside are the virtual paths of what was attached inside of it.
	inside []string
}

// New is a service without files.
func New() *Service { return &Service{attached: map[string]*attachment{}} }

// Attach shows a file or directory of this machine under a virtual path, in place of what was there. It must exist.
func (s *Service) Attach(host, virtual string, may Allow) error {
	real, err := filepath.Abs(host)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if err != nil {
		return fmt.Errorf("attach %s: %w", host, err)
	}
	info, err := os.Lstat(real)
	if err != nil {
		return fmt.Errorf("attach %s: %w", host, err)
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return fmt.Errorf("attach %s: neither a file nor a directory", host)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(tidy(virtual))
	s.attached[tidy(virtual)] = &attachment{host: real, is: info, may: may}
	return nil
}

// Detach takes a virtual path away.
func (s *Service) Detach(virtual string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(tidy(virtual))
}

// DetachFrom takes a virtual path away if it still shows this file or directory of the host: a "latest" may show a
// younger one by now.
func (s *Service) DetachFrom(host, virtual string) {
	host = resolved(host)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.attached[tidy(virtual)]; at != nil && at.host == host {
		s.remove(tidy(virtual))
	}
}

// resolved is a path of the host without links, as far as it is there.
func resolved(host string) string {
	if abs, err := filepath.Abs(host); err == nil {
		host = abs
	}
	if real, err := filepath.EvalSymlinks(host); err == nil {
		return real
	}
	return host
}

// Attached is the real path of each virtual one, for /files/debug.
func (s *Service) Attached() map[string]string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make(map[string]string, len(s.attached))
	for virtual, at := range s.attached {
		all[virtual] = at.host
	}
	return all
}

// find is what is attached at the longest beginning of a path, and the rest of the path. The rest is taken as it is:
// only the Root decides where it leads.
func (s *Service) find(path string) (at *attachment, rest string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for head := tidy(path); ; {
		if at := s.attached[head]; at != nil {
			return at, strings.TrimPrefix(tidy(path)[len(head):], "/")
		}
		cut := strings.LastIndexByte(head, '/')
		if cut <= 0 {
			return nil, ""
		}
		head = head[:cut]
	}
}

// maxPath is the kernel's bound for a path; what is longer is nowhere.
const maxPath = 4096

// tidy joins repeated slashes and drops those at the end. Dots stay: what they mean is decided on the disk.
func tidy(path string) string {
	if len(path) > maxPath {
		return ""
	}
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if trimmed := strings.TrimSuffix(path, "/"); trimmed != "" {
		return trimmed
	}
	return path
}

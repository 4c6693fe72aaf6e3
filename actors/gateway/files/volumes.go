package files

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/meseta-io/meseta/messages/authorization"
)

// AttachInside shows a directory at a path inside of what is attached at a virtual path, to those who may see that: a
// volume in a sandbox, where there is a link that leads out. The directory is named below a root that it does not
// leave; no link is followed to it. It is taken away together with what it is inside of. If the virtual path shows
// another directory of the host than the one that is named, nothing is done: a "latest" may show a younger one by now.
func (s *Service) AttachInside(outside, virtual, at, root, name string) error {
	host, info, err := directoryBelow(root, name)
	if err != nil {
		return fmt.Errorf("attach %s in %s: %w", name, virtual, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	outer := s.attached[tidy(virtual)]
	if outer == nil || outer.host != resolved(outside) {
		return nil
	}
	inner := path.Join(tidy(virtual), at)
	if !strings.HasPrefix(inner, tidy(virtual)+"/") {
		return fmt.Errorf("attach %s: %q is not inside of %s", name, at, virtual)
	}
	s.remove(inner)
	s.attached[inner] = &attachment{host: host, is: info, may: outer.may}
	outer.inside = append(outer.inside, inner)
	return nil
}

// Vacate takes away every virtual path that shows a directory, which is removed, or was: what may be there afterwards
// is somebody else's.
func (s *Service) Vacate(root, name string) {
	host := filepath.Join(resolved(root), name)
	s.mu.Lock()
	defer s.mu.Unlock()
	for virtual, at := range s.attached {
		if at.host == host {
			s.remove(virtual)
		}
	}
}

// directoryBelow is where a directory is and what it is.
func directoryBelow(root, name string) (host string, info fs.FileInfo, err error) {
	root = resolved(root)
	r, err := os.OpenRoot(root)
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	if info, err = r.Lstat(name); err != nil {
		return "", nil, err
	}
	if !info.IsDir() {
		return "", nil, fmt.Errorf("not a directory")
	}
	return filepath.Join(root, name), info, nil
}

// remove takes a virtual path away, and what was attached inside of it.
func (s *Service) remove(virtual string) {
	at := s.attached[virtual]
	if at == nil {
		return
	}
	delete(s.attached, virtual)
	for _, inner := range at.inside {
		s.remove(inner)
	}
}

// entry is what a virtual path shows somebody if something is attached at just this path; nil if nothing is.
func (s *Service) entry(who authorization.Subject, virtual string) fs.FileInfo {
	s.mu.RLock()
	at := s.attached[virtual]
	s.mu.RUnlock()
	if at == nil || !at.is.IsDir() || at.may != nil && !at.may(who) {
		return nil
	}
	root, _, err := at.open()
	if err != nil {
		return nil
	}
	defer root.Close()
	info, err := root.Stat(".")
	if err != nil {
		return nil
	}
	return info
}

package node

import (
	"errors"
	"fmt"
)

// reload is something that is read from files and can be read again while the node works.
type reload struct {
	what string
	read func() error
}

// OnReload adds something that SIGHUP reads again. read changes nothing if it fails.
func (s *Service) OnReload(what string, read func() error) {
	s.reloads = append(s.reloads, reload{what, read})
}

// Reload reads again what can be read again. What fails stays as it was, and does not keep the rest from being read.
func (s *Service) Reload() error {
	var errs []error
	for _, r := range s.reloads {
		if err := r.read(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.what, err))
			s.log.Error("cannot be read again; the old ones stay", "what", r.what, "why", err)
			continue
		}
		s.log.Info("read again", "what", r.what)
	}
	return errors.Join(errs...)
}

package node

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/messages/fault"
)

const (
	// whitelistInterval is the time between two looks at the file, as in Mesos.
	whitelistInterval = 5 * time.Second
	// maxWhitelist bounds the file: 100,000 long names.
	maxWhitelist = 32 << 20
)

// Whitelist has the node's master offer only the agents on hosts that a file names, one in each line. The file is read
// again every few seconds. Call it after Master; without a path everything is offered.
//
// A file that cannot be read at first is an error, because the hosts that it keeps out would be offered; later what it said
// last goes on.
func (s *Service) Whitelist(path string) error {
	if path == "" {
		return nil
	}
	hosts, err := readWhitelist(path)
	if err != nil {
		return err
	}
	s.parts.Master.Whitelist(hosts)
	tick, stop := time.NewTicker(whitelistInterval), make(chan struct{})
	s.close = append(s.close, func() error {
		tick.Stop()
		close(stop)
		return nil
	})
	go watchWhitelist(path, hosts, tick.C, stop, s.log, s.parts.Master.Whitelist)
	return nil
}

// watchWhitelist reads the file at each tick, and tells what has changed since it was told last.
func watchWhitelist(path string, told []string, tick <-chan time.Time, stop <-chan struct{}, log *Log, tell func([]string)) {
	for {
		select {
		case _, more := <-tick:
			if !more {
				return
			}
		case <-stop:
			return
		}
		now, err := readWhitelist(path)
		switch {
		case err != nil:
			log.Error("cannot be read again; the old ones stay", "what", "whitelist", "why", err)
		case !slices.Equal(now, told):
			log.Info("read again", "what", "whitelist", "hosts", len(now))
			tell(now)
			told = now
		}
	}
}

// readWhitelist gives the hosts of a file, sorted, and never nil: an empty file lets nobody in.
func readWhitelist(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--whitelist: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxWhitelist+1))
	if err != nil {
		return nil, fmt.Errorf("--whitelist: %w", err)
	}
	if len(text) > maxWhitelist {
		return nil, fmt.Errorf("--whitelist=%s: more than %d bytes: %w", path, maxWhitelist, fault.ErrInvalid)
	}
	hosts := []string{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			hosts = append(hosts, line)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts), nil
}

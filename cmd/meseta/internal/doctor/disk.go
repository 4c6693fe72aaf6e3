package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/cluster/standalone"
	"github.com/meseta-io/meseta/messages/fault"
)

// Disk checks a work directory: room, the speed of writing durably, and what a master or an agent has left there.
func (m Machine) Disk(dir string) Check {
	name := "disk " + dir
	return Check{name, func(ctx context.Context) []Finding {
		there := existing(dir)
		var s unix.Statfs_t
		if err := unix.Statfs(there, &s); err != nil {
			return []Finding{fail(name, "name another with --work_dir", "%v", err)}
		}
		found := []Finding{room(name, s.Bavail*uint64(s.Bsize), s.Blocks*uint64(s.Bsize))}
		took, err := syncs(there)
		found = append(found, speed(name, took, err))
		if there != dir {
			return append(found, ok(name, "it is not there yet; meseta makes it"))
		}
		return append(found, m.contents(name, dir)...)
	}}
}

// existing is the nearest folder above that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func room(name string, free, all uint64) Finding {
	const mib = 1 << 20
	text := fmt.Sprintf("%d of %d MiB are free", free/mib, all/mib)
	remedy := "make room: a full disk stops checkpoints, and with them every launch"
	switch {
	case free < 64*mib || free < all/100:
		return Finding{name, Fail, text, remedy}
	case free < 1024*mib || free < all/10:
		return Finding{name, Warn, text, remedy}
	}
	return Finding{Check: name, Level: OK, Text: text}
}

// syncs is how long the median of some durable writes takes. The file has no name, so nothing is left of it.
func syncs(dir string) (time.Duration, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return 0, err
	}
	f := os.NewFile(uintptr(fd), "probe")
	defer f.Close()
	var all []time.Duration
	for range 9 {
		begin := time.Now()
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		all = append(all, time.Since(begin))
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

func speed(name string, median time.Duration, err error) Finding {
	text := fmt.Sprintf("a durable write takes %v", median.Round(10*time.Microsecond))
	remedy := "a faster disk, or one that fewer share: every launch and every decision waits for one"
	switch {
	case errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR):
		return warn(name, "", "the speed of durable writes cannot be measured on this file system")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return fail(name, "run as the user of the master or agent, or give the directory to it", "nothing can be written: %v", err)
	case err != nil:
		return fail(name, "", "a write failed: %v", err)
	case median > 200*time.Millisecond:
		return Finding{name, Fail, text, remedy}
	case median > 20*time.Millisecond:
		return Finding{name, Warn, text, remedy}
	}
	return Finding{Check: name, Level: OK, Text: text}
}

// contents says what is in a work directory already.
func (m Machine) contents(name, dir string) (found []Finding) {
	entries, epoch, err := standalone.Read(dir)
	switch {
	case err == nil:
		found = append(found, ok(name, "the registry can be read: records %d, epoch %d", len(entries), epoch))
	case !errors.Is(err, fault.ErrNotFound):
		found = append(found, fail(name, "meseta snapshot restore, with the last snapshot", "the registry cannot be read: %v", err))
	}
	newest := time.Time{}
	_ = filepath.WalkDir(filepath.Join(dir, "meta"), func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		if info, err := e.Info(); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		return nil
	})
	switch age := m.Now().Sub(newest); {
	case newest.IsZero():
	case age < -time.Minute:
		found = append(found, warn(name, "set the clock: NTP, systemctl status systemd-timesyncd", "the last checkpoint is %v in the future", -age.Round(time.Second)))
	default:
		found = append(found, ok(name, "the last checkpoint is %v old", age.Round(time.Second)))
	}
	return found
}

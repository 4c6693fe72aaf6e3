// Package courier is the fetcher on sockets and disks: it downloads, copies, keeps and unpacks. What it reads and writes
// for a task it reads and writes as the task's user, if the agent may change users, so a URI opens nothing that the task
// could not open itself. It runs no other program.
package courier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/fetcher"
	"github.com/meseta-io/meseta/actors/fetcher/archive"
	"github.com/meseta-io/meseta/actors/fetcher/box"
	"github.com/meseta-io/meseta/actors/process/metrics"
)

// Courier is a fetcher.Fetcher.
type Courier struct {
	config    fetcher.Config
	client    *http.Client
	limits    archive.Limits
	log       *slog.Logger
	succeeded *metrics.Counter
	failed    *metrics.Counter

	mu     sync.Mutex
	cache  *fetcher.Cache
	loads  map[*fetcher.Entry]chan struct{} // closed when the entry is ready or gone
	kept   *os.Root                         // the directory of the cache; nil: nothing is kept
	noKeep error                            // why
}

var _ fetcher.Fetcher = (*Courier)(nil)

// New makes a courier for the agent with a work directory, whose part of the cache directory it empties. A cache
// directory that cannot be used is no reason not to start: everything is fetched each time then.
func New(c fetcher.Config, workDir string, m *metrics.Registry, log *slog.Logger) (*Courier, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	k := &Courier{config: c, limits: archive.Default(), log: log, cache: fetcher.NewCache(c.FetcherCacheSize), loads: map[*fetcher.Entry]chan struct{}{}}
	k.client = client(c.FetcherStallTimeout)
	if c.FetcherCacheSize > 0 {
		if k.kept, k.noKeep = openCache(c.FetcherCacheDir, workDir); k.noKeep != nil {
			log.Warn("the fetcher keeps nothing", "reason", k.noKeep)
		}
	} else {
		k.noKeep = errors.New("the cache has no room: --fetcher_cache_size=0B")
	}
	k.succeeded = m.Counter("containerizer/fetcher/task_fetches_succeeded")
	k.failed = m.Counter("containerizer/fetcher/task_fetches_failed")
	m.Pull("containerizer/fetcher/cache_size_total_bytes", func() (float64, error) { return float64(c.FetcherCacheSize), nil })
	m.Pull("containerizer/fetcher/cache_size_used_bytes", func() (float64, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		return float64(k.cache.Used()), nil
	})
	return k, nil
}

// openCache makes the part of the cache directory that belongs to an agent, empty. Agents of one machine share the
// default directory, below /tmp, where anybody may have been first.
func openCache(dir, workDir string) (*os.Root, error) {
	abs, err := filepath.Abs(workDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("--fetcher_cache_dir=%s: %w", dir, err)
	}
	all, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("--fetcher_cache_dir=%s: %w", dir, err)
	}
	defer all.Close()
	if err := ours(all); err != nil {
		return nil, fmt.Errorf("--fetcher_cache_dir=%s: %w", dir, err)
	}
	sum := sha256.Sum256([]byte(abs))
	name := hex.EncodeToString(sum[:8])
	if err := all.RemoveAll(name); err != nil {
		return nil, fmt.Errorf("empty the cache %s: %w", filepath.Join(dir, name), err)
	}
	if err := all.Mkdir(name, 0o700); err != nil {
		return nil, err
	}
	return all.OpenRoot(name)
}

// ours tells whether nobody else may change a directory.
func ours(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if int(st.Uid) != os.Geteuid() || st.Mode&0o022 != 0 {
		return errors.New("others may write to it; name a directory of the agent's own")
	}
	return nil
}

// Fetch implements fetcher.Fetcher.
func (k *Courier) Fetch(r fetcher.Request, done func(error)) (cancel func()) {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		err := k.fetch(ctx, r)
		if err != nil {
			k.failed.Inc()
			err = fmt.Errorf("Failed to fetch all URIs for container '%s': %w", r.ContainerID, err)
		} else {
			k.succeeded.Inc()
		}
		done(err)
	}()
	return stop
}

func (k *Courier) fetch(ctx context.Context, r fetcher.Request) error {
	who, err := identify(r.User)
	if err != nil {
		return err
	}
	return who.do(func() error {
		into, err := box.Open(r.Sandbox)
		if err != nil {
			return err
		}
		defer into.Close()
		t := &trip{k: k, ctx: ctx, who: who, user: r.User, into: into, out: io.Discard, sandbox: r.Sandbox}
		if f, err := into.Append("stderr"); err == nil {
			defer f.Close()
			t.out = f
		}
		items, err := fetcher.Plan(r.URIs, k.config.FrameworksHome)
		for i := 0; err == nil && i < len(items); i++ {
			if err = t.bring(items[i]); err != nil {
				err = fmt.Errorf("fetch '%s': %w", items[i].Shown, err)
			}
		}
		if err != nil {
			t.say("Failed to %v", err)
			return err
		}
		t.say("Successfully fetched all URIs into '%s'", r.Sandbox)
		return nil
	})
}

// trip is one fetch at work.
type trip struct {
	k       *Courier
	ctx     context.Context
	who     *identity
	user    string
	into    *box.Box
	sandbox string
	out     io.Writer // the sandbox's stderr
}

func (t *trip) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// bring brings one file.
func (t *trip) bring(i fetcher.Item) error {
	t.say("Fetching URI '%s'", i.Shown)
	if i.Cache {
		kept, source, err := t.keep(i)
		switch {
		case err != nil:
			return err
		case kept != nil:
			defer kept.release()
			return t.fromCache(i, kept)
		case source != nil:
			return t.direct(i, source)
		}
	}
	source, err := t.open(i)
	if err != nil {
		return err
	}
	return t.direct(i, source)
}

// direct writes a source into the sandbox, and unpacks it there.
func (t *trip) direct(i fetcher.Item, s *source) error {
	defer s.Close()
	t.say("Fetching '%s' directly into the sandbox", i.Shown)
	if err := t.into.Create(i.Output, mode(i), func(f *os.File) error { return s.copyTo(f) }); err != nil {
		return err
	}
	if i.Archive == archive.None {
		t.say("Fetched '%s' to '%s'", i.Shown, path.Join(t.sandbox, i.Output))
		return nil
	}
	f, err := t.into.Open(i.Output)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.unpack(i, f)
}

func (t *trip) fromCache(i fetcher.Item, kept *keptFile) error {
	if i.Archive != archive.None {
		return t.unpack(i, kept.File)
	}
	if err := t.into.Create(i.Output, mode(i), func(f *os.File) error {
		return copyAll(t.ctx, f, kept.File)
	}); err != nil {
		return err
	}
	t.say("Fetched '%s' from the cache to '%s'", i.Shown, path.Join(t.sandbox, i.Output))
	return nil
}

func (t *trip) unpack(i fetcher.Item, f *os.File) error {
	if err := archive.Unpack(t.ctx, i.Archive, f, i.Output, t.into, t.k.limits); err != nil {
		return fmt.Errorf("unpack it: %w", err)
	}
	t.say("Extracted '%s' into '%s'", i.Shown, t.sandbox)
	return nil
}

func mode(i fetcher.Item) os.FileMode {
	if i.Executable {
		return 0o755
	}
	return 0o644
}

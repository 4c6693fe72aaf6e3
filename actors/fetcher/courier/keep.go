package courier

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/fetcher"
)

// keptFile is a file of the cache, held against eviction until it is released.
type keptFile struct {
	*os.File
	release func()
}

// keep finds an item in the cache or brings it there. Without room for it, the source that was opened meanwhile comes
// back instead, or nothing, and the item is to be fetched directly.
func (t *trip) keep(i fetcher.Item) (*keptFile, *source, error) {
	k := t.k
	if k.kept == nil {
		t.say("Fetching '%s' without the cache: %v", i.Shown, k.noKeep)
		return nil, nil, nil
	}
	for {
		k.mu.Lock()
		e, made := k.cache.Hold(fetcher.Key{User: t.user, URI: i.Key})
		if made {
			k.loads[e] = make(chan struct{})
		}
		loading := k.loads[e]
		k.mu.Unlock()
		if made {
			return t.load(i, e)
		}
		if loading != nil {
			select {
			case <-loading:
			case <-t.ctx.Done():
				k.release(e)
				return nil, nil, reason(t.ctx, t.ctx.Err())
			}
		}
		f, usable := k.openKept(e)
		if usable {
			return &keptFile{f, func() { f.Close(); k.release(e) }}, nil, nil
		}
		k.release(e)
		if loading != nil {
			t.say("Fetching '%s' directly, because it did not come into the cache for somebody else", i.Shown)
			return nil, nil, nil
		}
		// The file was taken away or cut: its entry is gone now, so the next round brings it again.
	}
}

// openKept opens the file of an entry that is ready. One that is not as it was left is dropped.
func (k *Courier) openKept(e *fetcher.Entry) (*os.File, bool) {
	k.mu.Lock()
	ready := k.cache.IsReady(e)
	k.mu.Unlock()
	if !ready {
		return nil, false
	}
	f, err := own(func() (*os.File, error) { return k.kept.OpenFile(e.Name, os.O_RDONLY|unix.O_NOFOLLOW, 0) })
	if err == nil {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() == e.Size {
			return f, true
		}
		f.Close()
	}
	k.log.Warn("a file of the fetcher's cache is gone or was changed; fetching it again", "uri", fetcher.Redact(e.Key.URI))
	k.drop(e)
	return nil, false
}

func (k *Courier) release(e *fetcher.Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cache.Release(e)
}

// drop forgets an entry and its file. Whoever reads it goes on reading.
func (k *Courier) drop(e *fetcher.Entry) {
	k.mu.Lock()
	k.cache.Drop(e)
	k.mu.Unlock()
	k.remove(e)
}

func (k *Courier) remove(e *fetcher.Entry) {
	_, _ = own(func() (struct{}, error) { return struct{}{}, k.kept.Remove(e.Name) })
}

// loaded ends the wait of the others.
func (k *Courier) loaded(e *fetcher.Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(k.loads[e])
	delete(k.loads, e)
}

// load brings an item into the cache, for this trip and those who wait.
func (t *trip) load(i fetcher.Item, e *fetcher.Entry) (*keptFile, *source, error) {
	k := t.k
	defer k.loaded(e)
	abandon := func() {
		k.drop(e)
		k.release(e)
	}
	s, err := t.open(i)
	if err != nil {
		abandon()
		return nil, nil, err
	}
	if err := k.reserve(e, s.size); err != nil {
		abandon()
		t.say("Fetching '%s' without the cache: %v", i.Shown, err)
		return nil, s, nil
	}
	defer s.Close()
	f, err := own(func() (*os.File, error) {
		return k.kept.OpenFile(e.Name, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	})
	if err == nil {
		err = s.copyTo(f)
	}
	if err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		if f != nil {
			f.Close()
		}
		abandon()
		return nil, nil, err
	}
	k.mu.Lock()
	k.cache.Ready(e)
	k.mu.Unlock()
	t.say("Downloaded '%s' into the cache", i.Shown)
	return &keptFile{f, func() { f.Close(); k.release(e) }}, nil, nil
}

// reserve makes room, and deletes what had to go.
func (k *Courier) reserve(e *fetcher.Entry, size int64) error {
	if size < 0 {
		return errors.New("the server does not say how large it is")
	}
	k.mu.Lock()
	evicted, err := k.cache.Reserve(e, size)
	k.mu.Unlock()
	for _, v := range evicted {
		k.remove(v)
	}
	return err
}

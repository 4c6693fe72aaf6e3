package fetcher

import (
	"container/list"
	"fmt"
)

// Key names what is kept: what one user may read another may not, so each has his own.
type Key struct{ User, URI string }

// Cache knows what is kept, and what has to go when something else is to come. It is a plain value: it touches no file,
// and whoever uses it deletes what it says.
//
//	loading → ready → gone
//	loading → gone
//
// An entry that somebody holds is never evicted. Only a ready one may be read.
type Cache struct {
	size, used int64
	entries    map[Key]*Entry
	order      *list.List // of *Entry, the least recently used first
	made       uint64
}

// Entry is a file of the cache.
type Entry struct {
	Key Key
	// Name is the file's name: another one each time, so that a file that is still open is never written to.
	Name string
	// Size is what is reserved for it.
	Size  int64
	ready bool
	held  int
	gone  bool
	place *list.Element
}

// NewCache is an empty cache of a size in bytes.
func NewCache(size int64) *Cache {
	return &Cache{size: size, entries: map[Key]*Entry{}, order: list.New()}
}

// Size is how much the cache may hold, Used how much is reserved.
func (c *Cache) Size() int64 { return c.size }
func (c *Cache) Used() int64 { return c.used }

// Hold finds an entry, or makes a loading one (made). Release it.
func (c *Cache) Hold(k Key) (e *Entry, made bool) {
	if e := c.entries[k]; e != nil {
		e.held++
		c.order.MoveToBack(e.place)
		return e, false
	}
	c.made++
	e = &Entry{Key: k, Name: fmt.Sprintf("c%d", c.made), held: 1}
	e.place = c.order.PushBack(e)
	c.entries[k] = e
	return e, true
}

// Reserve makes room for an entry: the least recently used that nobody holds go, and are to be deleted. Nothing goes
// if it would not be enough.
func (c *Cache) Reserve(e *Entry, size int64) (evicted []*Entry, err error) {
	if e.gone {
		return nil, fmt.Errorf("the entry of %s is gone", e.Key.URI)
	}
	missing := c.used - e.Size + size - c.size
	var victims []*Entry
	for at := c.order.Front(); at != nil && missing > 0; at = at.Next() {
		if v := at.Value.(*Entry); v.held == 0 {
			victims = append(victims, v)
			missing -= v.Size
		}
	}
	if missing > 0 {
		return nil, fmt.Errorf("%d bytes do not fit: of %d bytes %d are free or could be made so", size, c.size, size-missing)
	}
	for _, v := range victims {
		c.drop(v)
	}
	c.used += size - e.Size
	e.Size = size
	return victims, nil
}

// Ready says that the file of an entry is whole.
func (c *Cache) Ready(e *Entry) { e.ready = true }

// IsReady tells whether the file is whole and still kept.
func (c *Cache) IsReady(e *Entry) bool { return e.ready && !e.gone }

// Drop forgets an entry, held or not: its file is damaged, missing or never came. Whoever holds it still releases it.
func (c *Cache) Drop(e *Entry) { c.drop(e) }

func (c *Cache) drop(e *Entry) {
	if e.gone {
		return
	}
	e.gone = true
	c.used -= e.Size
	delete(c.entries, e.Key)
	c.order.Remove(e.place)
}

// Release is the end of a Hold.
func (c *Cache) Release(e *Entry) {
	if e.held == 0 {
		panic("an entry of the cache is released once more than it was held")
	}
	e.held--
}

package standalone

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
)

// fileName is the registry's, below the master's work directory.
const fileName = "registry.db"

// Read returns what the registry below dir holds, sorted, and the epoch of its newest term, also while a master
// uses it, and without writing anything. fault.ErrNotFound: there is none.
func Read(dir string) (entries []cluster.Entry, epoch uint64, err error) {
	path := filepath.Join(dir, fileName)
	calm, err := copyOf(path)
	if err != nil {
		return nil, 0, err
	}
	defer os.Remove(calm)
	db, err := bbolt.Open(calm, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return nil, 0, fmt.Errorf("%s is no registry: %w", path, err)
	}
	defer db.Close()
	defer func() {
		// bbolt trusts the pages that it reads.
		if why := recover(); why != nil {
			entries, epoch, err = nil, 0, fmt.Errorf("%s is damaged: %v: %w", path, why, fault.ErrInvalid)
		}
	}()
	err = db.View(func(tx *bbolt.Tx) error {
		meta, registry := tx.Bucket(metaBucket), tx.Bucket(registryBucket)
		if meta == nil || registry == nil {
			return fmt.Errorf("%s is no registry of Meseta's: %w", path, fault.ErrInvalid)
		}
		if v := meta.Get(epochKey); len(v) == 8 {
			epoch = binary.BigEndian.Uint64(v)
		}
		return registry.ForEach(func(k, v []byte) error {
			entries = append(entries, cluster.Entry{Key: string(k), Value: append([]byte{}, v...)})
			return nil
		})
	})
	return entries, epoch, err
}

// tries is how often a copy is taken again that a write ran into. Masters write in bursts, a copy takes
// milliseconds.
const tries = 100

// copyOf copies the file of a registry between two of its writes, because its owner holds the lock. bbolt never
// writes on pages that the newest finished transaction can reach, and makes a transaction the newest by its two first
// pages: a copy before and after which those are the same is that transaction.
func copyOf(path string) (string, error) {
	from, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("there is no registry in %s: %w", filepath.Dir(path), fault.ErrNotFound)
	}
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.CreateTemp("", "meseta-registry-*")
	if err != nil {
		return "", err
	}
	defer to.Close()
	for range tries {
		same, err := copyOnce(to, from)
		if err != nil {
			return "", errors.Join(err, os.Remove(to.Name()))
		}
		if same {
			return to.Name(), nil
		}
	}
	return "", errors.Join(fmt.Errorf("%s is written to all the time: try again later: %w", path, fault.ErrUnavailable), os.Remove(to.Name()))
}

func copyOnce(to *os.File, from io.ReaderAt) (same bool, err error) {
	before, err := firstPages(from)
	if err != nil {
		return false, err
	}
	if err := to.Truncate(0); err != nil {
		return false, err
	}
	if _, err := to.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	if _, err := io.Copy(to, io.NewSectionReader(from, 0, 1<<62)); err != nil {
		return false, err
	}
	copied, err := firstPages(to)
	if err != nil {
		return false, err
	}
	after, err := firstPages(from)
	return bytes.Equal(before, after) && bytes.Equal(before, copied), err
}

func firstPages(f io.ReaderAt) ([]byte, error) {
	pages := make([]byte, 2*os.Getpagesize())
	n, err := f.ReadAt(pages, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return pages[:n], err
}

// Raise makes every later term's epoch larger than this one, for a registry that comes from elsewhere.
func (s *Store) Raise(_ context.Context, t cluster.Term, epoch uint64) error {
	return s.Fenced(t, func() error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			meta := tx.Bucket(metaBucket)
			if v := meta.Get(epochKey); len(v) == 8 && binary.BigEndian.Uint64(v) >= epoch {
				return nil
			}
			return meta.Put(epochKey, binary.BigEndian.AppendUint64(nil, epoch))
		})
	})
}

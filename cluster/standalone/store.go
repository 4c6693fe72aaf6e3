// Package standalone is the cluster of one master: it leads as soon as it asks, and its registry is a bbolt
// file below its work directory, so no service has to run. The file's lock keeps a second master out of the
// same directory.
package standalone

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/internal/chair"
	"github.com/meseta-io/meseta/messages/fault"
)

var (
	metaBucket     = []byte("meta")
	registryBucket = []byte("registry")
	epochKey       = []byte("epoch")
)

// lockWait is how long Open waits for another process to let go of the file: a master that is restarted may
// meet the last breath of its predecessor.
const lockWait = 2 * time.Second

// Store is a cluster.Contender, cluster.Detector and cluster.Registry on one file.
type Store struct {
	*chair.Chair
	db *bbolt.DB
}

// Open opens or makes the registry below dir. It fails with a clear reason when the directory cannot be
// written or another master uses it.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("the master's work directory cannot be made: %w", err)
	}
	path := filepath.Join(dir, fileName)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("%s is in use: another master runs in %s: %w", path, dir, fault.ErrConflict)
	case err != nil:
		return nil, fmt.Errorf("the registry %s cannot be opened: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{metaBucket, registryBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the registry %s cannot be written: %w", path, err), db.Close())
	}
	s := &Store{db: db}
	s.Chair = chair.New(s.nextEpoch)
	return s, nil
}

// Close ends the term and closes the file.
func (s *Store) Close() error {
	s.Chair.Close()
	return s.db.Close()
}

// nextEpoch makes the epoch durable before anybody hears of it: a term that was announced and forgotten
// would let a later leader use its number again.
func (s *Store) nextEpoch() (epoch uint64, err error) {
	err = s.db.Update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		if v := meta.Get(epochKey); len(v) == 8 {
			epoch = binary.BigEndian.Uint64(v)
		}
		epoch++
		return meta.Put(epochKey, binary.BigEndian.AppendUint64(nil, epoch))
	})
	if err != nil {
		return 0, fmt.Errorf("the term cannot be written: %w", err)
	}
	return epoch, nil
}

// Load implements cluster.Registry.
func (s *Store) Load(ctx context.Context, t cluster.Term) (entries []cluster.Entry, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.Fenced(t, func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			return tx.Bucket(registryBucket).ForEach(func(k, v []byte) error {
				// bbolt's memory is valid only inside the transaction.
				entries = append(entries, cluster.Entry{Key: string(k), Value: append([]byte{}, v...)})
				return nil
			})
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the registry: %w", err)
	}
	return entries, nil
}

// Apply implements cluster.Registry.
func (s *Store) Apply(ctx context.Context, t cluster.Term, changes []cluster.Change) error {
	if err := cluster.CheckChanges(changes); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.Fenced(t, func() error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			bucket := tx.Bucket(registryBucket)
			for _, c := range changes {
				if err := apply(bucket, c); err != nil {
					return fmt.Errorf("key %q: %w", c.Key, err)
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("writing the registry: %w", err)
	}
	return nil
}

func apply(bucket *bbolt.Bucket, c cluster.Change) error {
	if c.Value == nil {
		return bucket.Delete([]byte(c.Key))
	}
	return bucket.Put([]byte(c.Key), c.Value)
}

// Package snapshot is the registry of a cluster in one file, for backups and for moving between stores. A file
// says what it is, of which cluster and term, when and whence it was taken and how much is in it, and its last
// bytes are a checksum over all before them, so that a damaged or cut one is never taken for whole.
//
//	"meseta snapshot\n"
//	length of the header (4 bytes, big-endian), header (JSON)
//	for each entry, sorted by key: length of the key (4), key, length of the value (4), value
//	SHA-256 of all of that (32)
package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
)

// format is the form of the file that is written, and the newest that can be read.
const format = 1

const magic = "meseta snapshot\n"

// mostHeader is the largest header that is looked at; real ones have some hundred bytes.
const mostHeader = 64 << 10

// Header says what a file holds.
type Header struct {
	// Format is the form of the file.
	Format int `json:"format"`
	// Cluster is the name that the operator gave the cluster, or empty.
	Cluster string `json:"cluster,omitempty"`
	// From is the store that the registry was read from, as a person would name it.
	From string `json:"from"`
	// Taken is when.
	Taken time.Time `json:"taken"`
	// Epoch is that of the newest term that the registry has seen.
	Epoch uint64 `json:"epoch"`
	// Program is the version of Meseta that wrote the file.
	Program string `json:"program"`
	// Entries and Bytes count the records, and what their keys and values have together.
	Entries int   `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

// Snapshot is the registry at a moment.
type Snapshot struct {
	Header
	// Entries are sorted by key. Reading sets Checksum, which is that of the file.
	Entries  []cluster.Entry
	Checksum string
}

// Write writes s. Format, the counts and the checksum are set by it. Errors of class fault.ErrInvalid mean that
// s is none: its entries are not sorted, or too large for a registry.
func Write(w io.Writer, s *Snapshot) error {
	s.Format, s.Header.Entries, s.Bytes = format, len(s.Entries), 0
	for i, e := range s.Entries {
		if err := cluster.CheckChanges([]cluster.Change{{Key: e.Key, Value: e.Value}}); err != nil {
			return err
		}
		if i > 0 && s.Entries[i-1].Key >= e.Key {
			return fmt.Errorf("registry key %q stands after %q: %w", e.Key, s.Entries[i-1].Key, fault.ErrInvalid)
		}
		s.Bytes += int64(len(e.Key) + len(e.Value))
	}
	header, err := json.Marshal(s.Header)
	if err != nil {
		return err
	}
	sum := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(w, sum))
	put := func(data []byte) {
		_, _ = out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(data))))
		_, _ = out.Write(data) // bufio keeps the first error, and Flush tells it
	}
	_, _ = out.WriteString(magic)
	put(header)
	for _, e := range s.Entries {
		put([]byte(e.Key))
		put(e.Value)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	s.Checksum = hex.EncodeToString(sum.Sum(nil))
	_, err = w.Write(sum.Sum(nil))
	return err
}

// Read reads a file to its end and checks all that it says of itself. Errors of class fault.ErrInvalid mean that
// it is none, or damaged; of fault.ErrUnsupported, that a newer Meseta wrote it.
func Read(r io.Reader) (*Snapshot, error) {
	sum := sha256.New()
	file := bufio.NewReaderSize(r, 1<<16)
	in := &reader{from: io.TeeReader(file, sum)}
	if string(in.bytes(len(magic))) != magic {
		if in.err == nil || errors.Is(in.err, io.ErrUnexpectedEOF) || errors.Is(in.err, io.EOF) {
			return nil, fmt.Errorf("this is no snapshot of Meseta's: %w", fault.ErrInvalid)
		}
		return nil, in.failed()
	}
	s := &Snapshot{}
	header := in.field(mostHeader)
	if in.err != nil {
		return nil, in.failed()
	}
	if err := json.Unmarshal(header, &s.Header); err != nil || s.Format < 1 {
		return nil, fmt.Errorf("the header of the snapshot is damaged: %w", fault.ErrInvalid)
	}
	if s.Format > format {
		return nil, fmt.Errorf("the snapshot has form %d and this meseta reads up to %d: use the newer one, %s wrote it: %w", s.Format, format, s.Program, fault.ErrUnsupported)
	}
	var size int64
	for range s.Header.Entries {
		e := cluster.Entry{Key: string(in.field(cluster.MaxKey)), Value: in.field(cluster.MaxValue)}
		if in.err != nil {
			return nil, in.failed()
		}
		if n := len(s.Entries); e.Key == "" || n > 0 && s.Entries[n-1].Key >= e.Key {
			return nil, fmt.Errorf("the snapshot is damaged: key %.80q is out of place: %w", e.Key, fault.ErrInvalid)
		}
		s.Entries = append(s.Entries, e)
		size += int64(len(e.Key) + len(e.Value))
	}
	want := sum.Sum(nil)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(file, got); err != nil {
		return nil, (&reader{err: err}).failed()
	}
	if _, err := file.ReadByte(); !bytes.Equal(got, want) || !errors.Is(err, io.EOF) || size != s.Bytes {
		return nil, fmt.Errorf("the snapshot is damaged: its checksum is not that of what it holds: %w", fault.ErrInvalid)
	}
	s.Checksum = hex.EncodeToString(want)
	return s, nil
}

// reader reads fields until the first error.
type reader struct {
	from io.Reader
	err  error
}

func (r *reader) bytes(n int) []byte {
	data := make([]byte, n)
	if r.err == nil {
		_, r.err = io.ReadFull(r.from, data)
	}
	return data
}

// field reads something with its length before it.
func (r *reader) field(most int) []byte {
	n := binary.BigEndian.Uint32(r.bytes(4))
	if r.err == nil && n > uint32(most) {
		r.err = fmt.Errorf("a field of %d bytes, at most %d: %w", n, most, fault.ErrInvalid)
	}
	if r.err != nil {
		return nil
	}
	return r.bytes(int(n))
}

// failed tells a file that ends too early from one that cannot be read.
func (r *reader) failed() error {
	if errors.Is(r.err, io.EOF) || errors.Is(r.err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the snapshot is cut off: %w", fault.ErrInvalid)
	}
	return fmt.Errorf("the snapshot cannot be read: %w", r.err)
}

package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"

	"google.golang.org/protobuf/proto"
)

// A RecordIO stream is a sequence of records: the record's length in bytes as decimal ASCII digits, one newline, and that
// many bytes, with nothing in between. Records and the chunks of HTTP have nothing to do with each other.

// headerDigits is how long a length may be: enough for any 64-bit number.
const headerDigits = 20

// RecordReader reads the records of one stream. It is not safe for use by several goroutines.
type RecordReader struct {
	r      *bufio.Reader
	limits Limits
	buf    []byte
	err    error
}

// NewRecordReader reads records of at most l.Bytes bytes from r; l also bounds the messages that Decode makes of them. It
// may read ahead of the records it returns.
func NewRecordReader(r io.Reader, l Limits) *RecordReader {
	return &RecordReader{r: bufio.NewReaderSize(r, 16<<10), limits: l.withDefaults()}
}

// Next returns the next record, which may be empty, and is good until the next call. At the end of the stream the error is
// io.EOF; if the stream ends inside a record it wraps io.ErrUnexpectedEOF; a malformed or too large length is of class
// fault.ErrInvalid; other errors are the stream's own. After an error every further call returns it again, because nobody
// can tell where the next record would begin.
func (r *RecordReader) Next() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	n, err := r.length()
	if err == nil {
		err = r.fill(n)
	}
	if err != nil {
		r.err, r.buf = err, nil
		return nil, err
	}
	return r.buf, nil
}

// Decode reads the next record as a message. Errors of the stream are those of Next; a record that does not decode is
// of class fault.ErrInvalid, and the records after it can still be read.
func (r *RecordReader) Decode(f Format, m proto.Message) error {
	record, err := r.Next()
	if err != nil {
		return err
	}
	return f.Decode(record, m, r.limits)
}

func (r *RecordReader) length() (int, error) {
	n, digits := 0, 0
	for {
		c, err := r.r.ReadByte()
		switch {
		case err == io.EOF && digits == 0:
			return 0, io.EOF
		case err != nil:
			return 0, cutShort("length", err)
		case c == '\n' && digits > 0:
			return n, nil
		case c < '0' || c > '9':
			return 0, problem(fmt.Sprintf("record length holds %q", c))
		}
		// Leading zeros are digits too, so the count is bounded apart from the value.
		if digits++; digits > headerDigits {
			return 0, problem("record length has too many digits")
		}
		if n = n*10 + int(c-'0'); n > r.limits.Bytes {
			return 0, problem(fmt.Sprintf("record is larger than the limit of %d bytes", r.limits.Bytes))
		}
	}
}

// fill reads n bytes. The buffer grows with what has arrived, not with what was announced, so a sender that announces
// gigabytes and sends nothing costs nothing.
func (r *RecordReader) fill(n int) error {
	const step = 64 << 10
	if cap(r.buf) > 16*step && cap(r.buf) > 8*n {
		r.buf = nil // one huge record must not hold its memory for the rest of a long stream
	}
	r.buf = r.buf[:0]
	for len(r.buf) < n {
		have := len(r.buf)
		more := min(n-have, max(step, have))
		if cap(r.buf) < have+more {
			grown := make([]byte, have, max(have+more, min(2*have, n)))
			copy(grown, r.buf)
			r.buf = grown
		}
		r.buf = r.buf[:have+more]
		if _, err := io.ReadFull(r.r, r.buf[have:]); err != nil {
			return cutShort("record", err)
		}
	}
	return nil
}

func cutShort(what string, err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("stream ends inside a %s: %w", what, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("reading a %s: %w", what, err)
}

// AppendRecord appends record with its length in front to dst and returns the extended slice.
func AppendRecord(dst, record []byte) []byte {
	dst = strconv.AppendInt(dst, int64(len(record)), 10)
	dst = append(dst, '\n')
	return append(dst, record...)
}

// RecordWriter writes records to one stream, each with a single Write, so that over HTTP one record is one chunk, as
// Mesos sends them and some clients expect. It is not safe for use by several goroutines.
type RecordWriter struct {
	w   io.Writer
	buf []byte
}

// NewRecordWriter writes to w. It buffers nothing between calls.
func NewRecordWriter(w io.Writer) *RecordWriter { return &RecordWriter{w: w} }

// Write writes one record, possibly empty. The error is the stream's.
func (w *RecordWriter) Write(record []byte) error {
	w.begin()
	w.buf = append(w.buf, record...)
	return w.end()
}

// Encode writes m as one record. The error is the stream's, or of class fault.ErrInvalid if the format is Protobuf and m
// lacks required fields; then nothing was written.
func (w *RecordWriter) Encode(f Format, m proto.Message) error {
	w.begin()
	buf, err := f.Append(w.buf, m)
	w.buf = buf
	if err != nil {
		return err
	}
	return w.end()
}

// begin leaves room for the length, which is known only when the record is there; end puts it right before the record.
func (w *RecordWriter) begin() {
	const keep = 1 << 20
	if cap(w.buf) > keep && len(w.buf) < keep/2 {
		w.buf = nil // the last record was small again: let go of what a large one took
	}
	w.buf = append(w.buf[:0], "                     "[:headerDigits+1]...)
}

func (w *RecordWriter) end() error {
	var digits [headerDigits]byte
	length := strconv.AppendInt(digits[:0], int64(len(w.buf)-headerDigits-1), 10)
	start := headerDigits - len(length)
	copy(w.buf[start:], length)
	w.buf[headerDigits] = '\n'
	_, err := w.w.Write(w.buf[start:])
	return err
}

// Transform writes to w what f makes of each record of r, in order, until r ends. The error is nil at a clean end, else
// that of r, f or w, whichever comes first; what was made before it has been written. f must not keep its
// argument. Neither end is closed.
func Transform(w io.Writer, r *RecordReader, f func(record []byte) ([]byte, error)) error {
	for {
		record, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		made, err := f(record)
		if err != nil {
			return err
		}
		if _, err := w.Write(made); err != nil {
			return err
		}
	}
}

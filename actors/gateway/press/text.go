package press

import (
	"bytes"
	"compress/flate"
	"sync"
	"sync/atomic"
)

// Text is a piece of an answer that is made when it is first wanted and then stays. Several answers may share it, also
// while it is being made.
type Text struct {
	job          Job
	once, zip    sync.Once
	made, zipped atomic.Bool
	text, packed []byte
}

// Of is a text that is there already. It must not be changed any more.
func Of(b []byte) *Text {
	t := &Text{text: b}
	t.once.Do(func() {})
	t.made.Store(true)
	return t
}

// Make is a text that a job writes.
func Make(job Job) *Text { return &Text{job: job} }

// Bytes are the text, which must not be changed.
func (t *Text) Bytes() []byte {
	t.once.Do(func() {
		space := pieces.Get().(*[]byte)
		*space = t.job((*space)[:0])
		t.text = bytes.Clone(*space) // as large as it is and no larger, because it may stay for long
		recycle(space)
		t.job = nil
		t.made.Store(true)
	})
	return t.text
}

// Packed is the text deflated: blocks of which none is the last, which know nothing of those before them and end with a whole
// byte. So texts that were packed apart are packed as one when they are strung together.
func (t *Text) Packed() []byte {
	t.zip.Do(func() {
		var b bytes.Buffer
		z := packers.Get().(*flate.Writer)
		z.Reset(&b)
		_, _ = z.Write(t.Bytes()) // a buffer never fails
		_ = z.Flush()
		packers.Put(z)
		t.packed = bytes.Clone(b.Bytes())
		t.zipped.Store(true)
	})
	return t.packed
}

// The fastest level: what is saved beyond it is little, and a large answer would take several times as long.
var packers = sync.Pool{New: func() any {
	z, _ := flate.NewWriter(nil, flate.BestSpeed) // the level is a good one
	return z
}}

// few is how many texts are made in one go.
const few = 8

// Ready returns when all texts are made, and packed if they are to be. Those that are missing are made in parallel.
func Ready(texts []*Text, packed bool) {
	var missing []*Text
	for _, t := range texts {
		if !t.made.Load() || packed && !t.zipped.Load() {
			missing = append(missing, t)
		}
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(cap(slots()), (len(missing)+few-1)/few) {
		all.Go(func() {
			for from := int(next.Add(few)) - few; from < len(missing); from = int(next.Add(few)) - few {
				prepare(missing[from:min(from+few, len(missing))], packed)
			}
		})
	}
	all.Wait()
}

// prepare makes texts while it holds a slot.
func prepare(texts []*Text, packed bool) {
	slots() <- struct{}{}
	defer func() { <-slots() }()
	for _, t := range texts {
		if t.Bytes(); packed {
			t.Packed()
		}
	}
}

// Join is all texts as one.
func Join(texts []*Text) []byte {
	size := 0
	for _, t := range texts {
		size += len(t.Bytes())
	}
	all := make([]byte, 0, size)
	for _, t := range texts {
		all = append(all, t.Bytes()...)
	}
	return all
}

package web

import (
	"encoding/binary"
	"hash/crc32"
	"net/http"

	"github.com/meseta-io/meseta/actors/gateway/press"
)

// Texts answers with a large body in pieces, and with its length. What is missing of them is made first, in parallel, and
// packed piece by piece if the client admits that.
func (w *Writer) Texts(status int, contentType string, texts []*press.Text) {
	press.Ready(texts, false)
	size := 0
	for _, t := range texts {
		size += len(t.Bytes())
	}
	parts := make([][]byte, 0, len(texts)+2)
	if w.packs(size) {
		parts, size = packTexts(parts, texts, size)
	} else {
		for _, t := range texts {
			parts = append(parts, t.Bytes())
		}
	}
	if w.begin(status, contentType, size) {
		w.parts(parts)
	}
}

// Script answers 200 with a large JSON document as Texts does. Query parameter jsonp makes it a call of that function.
func (w *Writer) Script(r *Request, texts []*press.Text) {
	head, tail, kind, ok := w.script(r)
	if !ok {
		return
	}
	if tail != "" {
		texts = append(append([]*press.Text{press.Of([]byte(head))}, texts...), press.Of([]byte(tail)))
	}
	w.Texts(http.StatusOK, kind, texts)
}

// script is what stands around a JSON document, and its type. False: the request was refused.
func (w *Writer) script(r *Request) (head, tail, kind string, ok bool) {
	name, given := r.Query("jsonp")
	switch {
	case !given:
		return "", "", "application/json", true
	case !callable(name):
		w.Text(http.StatusBadRequest, "Expecting 'jsonp' to be the name of a function")
		return "", "", "", false
	}
	return name + "(", ")", "text/javascript", true
}

// What is around the blocks of a gzip file: a head without a name and a time, and a last block that is empty.
var (
	gzipHead = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255}
	gzipLast = []byte{1, 0, 0, 0xff, 0xff}
)

// packTexts are the parts of one gzip file with all texts, which are size bytes together.
func packTexts(parts [][]byte, texts []*press.Text, size int) (all [][]byte, packed int) {
	press.Ready(texts, true)
	sum := uint32(0)
	parts = append(parts, gzipHead)
	for _, t := range texts {
		sum = crc32.Update(sum, crc32.IEEETable, t.Bytes())
		parts = append(parts, t.Packed())
	}
	end := binary.LittleEndian.AppendUint32(append([]byte(nil), gzipLast...), sum)
	parts = append(parts, binary.LittleEndian.AppendUint32(end, uint32(size))) // modulo 2³², as the format wants it
	for _, p := range parts {
		packed += len(p)
	}
	return parts, packed
}

// parts writes the parts of a body: large ones as they are, and small ones together.
func (w *Writer) parts(parts [][]byte) bool {
	const large = spill / 4
	space := buffers.Get().(*[]byte)
	small := (*space)[:0]
	defer func() { *space = small; buffers.Put(space) }()
	for _, p := range parts {
		if len(small) > 0 && len(small)+len(p) > large {
			if !w.inTurn(small) {
				return false
			}
			small = small[:0]
		}
		if len(p) < large {
			small = append(small, p...)
		} else if !w.inTurn(p) {
			return false
		}
	}
	return w.inTurn(small)
}

// inTurn writes a part while those who write other large answers wait.
func (w *Writer) inTurn(p []byte) bool {
	defer press.Turn()()
	return w.piece(p)
}

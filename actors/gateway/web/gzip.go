package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"sync"
)

// gzipMinimum is the shortest body that is worth packing, as in libprocess.
const gzipMinimum = 1024

// The fastest level: what is saved beyond it is little, and a large answer would take several times as long.
var packers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is a good one
	return z
}}

// pack compresses what is written to w. Close ends it and gives the packer back.
func pack(w io.Writer) *packer {
	z := packers.Get().(*gzip.Writer)
	z.Reset(w)
	return &packer{z}
}

type packer struct{ *gzip.Writer }

func (p *packer) Close() error {
	err := p.Writer.Close()
	packers.Put(p.Writer)
	return err
}

func packAll(body []byte) []byte {
	var b bytes.Buffer
	z := pack(&b)
	_, _ = z.Write(body) // a buffer never fails
	_ = z.Close()
	return b.Bytes()
}

package main

import (
	"bytes"
	"fmt"
)

// archive is a cpio in the format that kernels unpack as their first file system ("newc").
type archive struct {
	b     bytes.Buffer
	inode int
}

func (a *archive) directory(name string)                   { a.entry(name, 0o040755, nil) }
func (a *archive) file(name string, mode int, data []byte) { a.entry(name, 0o100000|mode, data) }

func (a *archive) entry(name string, mode int, data []byte) {
	a.inode++
	fmt.Fprintf(&a.b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", a.inode, mode, 0, 0, 1, 0,
		len(data), 0, 0, 0, 0, len(name)+1, 0)
	a.b.WriteString(name)
	a.b.WriteByte(0)
	a.pad()
	a.b.Write(data)
	a.pad()
}

func (a *archive) pad() {
	for a.b.Len()%4 != 0 {
		a.b.WriteByte(0)
	}
}

func (a *archive) bytes() []byte {
	a.entry("TRAILER!!!", 0, nil)
	return a.b.Bytes()
}

package launch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"github.com/meseta-io/meseta/isolators/launch/internal/birth"
)

// stayer is the program of a process that stays (Plan.Init), as a file: nothing but a loop around wait4(2) and
// sigtimedwait(2). A thousand containers have a thousand of them, and the runtime of Go would take some megabytes in each; this
// takes a page for itself and a few for its stack.
//
// It is written in assembly (init_GOARCH.s) and linked into this binary like any function; here its machine code gets the
// headers that make it a program of its own.
var stayer = sync.OnceValues(func() (*os.File, error) {
	begin, end := initCode(), initEnd()
	code := unsafe.Slice(begin, uintptr(unsafe.Pointer(end))-uintptr(unsafe.Pointer(begin)))
	f, err := inMemory(birth.InitName, bytes.NewReader(executable(code)))
	if err != nil {
		return nil, fmt.Errorf("the program of processes that stay: %w", err)
	}
	return f, nil
})

// initCode and initEnd are where the machine code begins and ends.
func initCode() *byte
func initEnd() *byte

// executable wraps machine code, which begins with its first instruction, in an ELF program of one segment.
func executable(code []byte) []byte {
	const base, headers = 0x400000, 64 + 56 + 56
	b := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 15: 0} // 64 bits, least significant byte first
	u16 := func(v ...uint16) {
		for _, v := range v {
			b = binary.LittleEndian.AppendUint16(b, v)
		}
	}
	u64 := func(v ...uint64) {
		for _, v := range v {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	}
	u16(2, elfMachine, 1, 0) // a program that stays where it is
	u64(base+headers, 64, 0) // the entry, the segments' table, no sections
	u16(0, 0, 64, 56, 2, 0, 0, 0)
	size := uint64(headers + len(code))
	u16(1, 0, 5, 0) // a segment to read and execute: headers and code
	u64(0, base, base, size, size, 0x10000)
	u16(0xe551, 0x6474, 6, 0) // a stack to read and write, not to execute
	u64(0, 0, 0, 0, 0, 16)
	return append(b, code...)
}

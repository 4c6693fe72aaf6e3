package seccomp

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/meseta-io/meseta/messages/fault"
)

// Arch is a convention of system calls: the instruction set and which numbers mean what.
type Arch struct {
	// Name is that of a profile without SCMP_ARCH_, Go the one in its lists of "arches".
	Name, Go string
	// audit is the number that a filter finds in seccomp_data.arch; 0: this package has no table for it.
	audit  uint32
	column int // of the table
	bit    uint32
}

// x32Bit tells calls with 32-bit pointers from others of the same audit number.
const x32Bit = 0x40000000

// The architectures that a profile can name. Those without a table can be named, and no process here is ever of them.
var arches = []Arch{
	{Name: "X86_64", Go: "amd64", audit: 0xc000003e, column: 0},
	{Name: "X86", Go: "x86", audit: 0x40000003, column: 1},
	{Name: "X32", Go: "x32", audit: 0xc000003e, column: 4, bit: x32Bit},
	{Name: "AARCH64", Go: "arm64", audit: 0xc00000b7, column: 2},
	{Name: "ARM", Go: "arm", audit: 0x40000028, column: 3},
	{Name: "MIPS", Go: "mips"}, {Name: "MIPSEL", Go: "mipsel"}, {Name: "MIPS64", Go: "mips64"}, {Name: "MIPSEL64", Go: "mipsel64"},
	{Name: "MIPS64N32", Go: "mips64n32"}, {Name: "MIPSEL64N32", Go: "mipsel64n32"}, {Name: "PPC", Go: "ppc"}, {Name: "PPC64", Go: "ppc64"},
	{Name: "PPC64LE", Go: "ppc64le"}, {Name: "S390", Go: "s390"}, {Name: "S390X", Go: "s390x"}, {Name: "PARISC", Go: "parisc"},
	{Name: "PARISC64", Go: "parisc64"}, {Name: "RISCV64", Go: "riscv64"}, {Name: "LOONGARCH64", Go: "loong64"}, {Name: "M68K", Go: "m68k"},
	{Name: "SH", Go: "sh"}, {Name: "SHEB", Go: "sheb"},
}

// Native is that of this program; an error on a machine without a table.
func Native() (Arch, error) {
	for _, a := range arches {
		if a.Go == runtime.GOARCH && a.audit != 0 {
			return a, nil
		}
	}
	return Arch{}, fmt.Errorf("there is no table of system calls for %s: use an agent on amd64 or arm64: %w", runtime.GOARCH, fault.ErrUnsupported)
}

func byName(name string) (Arch, bool) {
	i := slices.IndexFunc(arches, func(a Arch) bool { return a.Name == name })
	if i < 0 {
		return Arch{}, false
	}
	return arches[i], true
}

func knownGo(name string) bool {
	return slices.ContainsFunc(arches, func(a Arch) bool { return a.Go == name })
}

package seccomp

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

//go:generate go test -run TestTables -update

// tables has a line for every name of a system call on any architecture, with its numbers on amd64, 386, arm64, arm and
// x32; "-" where there is none.
//
//go:embed tables.txt
var tables string

const columns = 5

// numbers are those of a name, by column; -1: none.
var numbers = sync.OnceValue(func() map[string][columns]int {
	all := map[string][columns]int{}
	for line := range strings.Lines(tables) {
		fields := strings.Fields(line)
		if len(fields) != 1+columns || fields[0] == "#" {
			continue
		}
		var row [columns]int
		for i, f := range fields[1:] {
			if row[i] = -1; f != "-" {
				row[i], _ = strconv.Atoi(f)
			}
		}
		all[fields[0]] = row
	}
	return all
})

// number of a system call on an architecture.
func (a Arch) number(name string) (uint32, bool) {
	row, ok := numbers()[name]
	if !ok || row[a.column] < 0 {
		return 0, false
	}
	return uint32(row[a.column]) | a.bit, true
}

func exists(name string) bool {
	_, ok := numbers()[name]
	return ok
}

package launch

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// startTicks is field 22 of a process' stat. The second field is a name in parentheses that may hold anything.
func startTicks(pid int) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat: %q", pid, b)
	}
	return strconv.ParseUint(string(fields[19]), 10, 64)
}

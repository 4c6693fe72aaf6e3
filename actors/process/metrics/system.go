package metrics

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// System adds what Mesos shows of the machine: its processors, its load and its memory. They are read from the
// kernel whenever somebody looks; on a kernel without /proc only the processors are there.
func System(r *Registry) {
	r.Pull("system/cpus_total", func() (float64, error) { return float64(runtime.NumCPU()), nil })
	for i, name := range []string{"load_1min", "load_5min", "load_15min"} {
		r.Pull("system/"+name, func() (float64, error) { return load(i) })
	}
	r.Pull("system/mem_total_bytes", func() (float64, error) { return memory("MemTotal:") })
	r.Pull("system/mem_free_bytes", func() (float64, error) { return memory("MemFree:") })
}

// load is one of the averages of /proc/loadavg.
func load(i int) (float64, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if i >= len(fields) {
		return 0, fmt.Errorf("/proc/loadavg is too short: %w", fault.ErrUnsupported)
	}
	return strconv.ParseFloat(fields[i], 64)
}

// memory is a line of /proc/meminfo, in bytes.
func memory(name string) (float64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == name {
			kib, err := strconv.ParseFloat(fields[1], 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/meminfo has no %s: %w", name, fault.ErrUnsupported)
}

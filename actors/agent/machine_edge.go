package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// ThisMachine looks at the machine that the program runs on. workDir is where the sandboxes will be; it need not
// exist yet.
func ThisMachine(workDir string) (Machine, error) {
	m := Machine{CPUs: runtime.NumCPU()}
	var err error
	if m.Hostname, err = os.Hostname(); err != nil {
		return m, fmt.Errorf("the name of this machine: %w", err)
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return m, fmt.Errorf("the memory of this machine: %w", err)
	}
	m.Memory = uint64(info.Totalram) * uint64(info.Unit)
	if m.Disk, err = sizeOf(workDir); err != nil {
		return m, err
	}
	// Only Linux has one; without it a reboot is noticed by the executors being gone.
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	m.BootID = strings.TrimSpace(string(id))
	m.Root = os.Geteuid() == 0
	return m, nil
}

// sizeOf is the size of the file system that a directory is or will be on.
func sizeOf(dir string) (uint64, error) {
	at, err := filepath.Abs(dir)
	if err != nil {
		return 0, err
	}
	for {
		var fs unix.Statfs_t
		err := unix.Statfs(at, &fs)
		if err == nil {
			return fs.Blocks * uint64(fs.Bsize), nil
		}
		if up := filepath.Dir(at); err == unix.ENOENT && up != at {
			at = up
			continue
		}
		return 0, fmt.Errorf("the disk below %s: %w", dir, err)
	}
}

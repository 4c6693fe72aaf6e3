// Package leftovers removes what killed agents of tests leave on a machine.
package leftovers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Remove removes what agents whose directories are below dir have left for those that were to come after them: containers
// that live, their control groups, and mounts.
func Remove(dir string) error {
	ids := map[string]bool{}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasSuffix(filepath.Dir(path), "/run/containers") {
			ids[d.Name()] = true
		}
		return nil
	})
	return errors.Join(Unmount(dir), removeGroups(ids))
}

// Unmount takes away what is mounted below dir.
func Unmount(dir string) error {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	var errs []error
	lines := slices.Collect(strings.Lines(string(text)))
	for _, line := range slices.Backward(lines) { // the last one first
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], dir+"/") {
			errs = append(errs, unix.Unmount(fields[1], unix.MNT_DETACH))
		}
	}
	return errors.Join(errs...)
}

// removeGroups from every hierarchy.
func removeGroups(ids map[string]bool) error {
	if len(ids) == 0 {
		return nil
	}
	var all []string
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // it has just gone, or is a file
		}
		for part := range strings.SplitSeq(path, "/") {
			if ids[part] {
				all = append(all, path)
				break
			}
		}
		return nil
	})
	var errs []error
	for _, group := range slices.Backward(all) {
		if err := remove(group); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, err)...)
}

// remove a group, as soon as the kernel is done with its processes, which are killed.
func remove(group string) (err error) {
	for range 300 {
		members, _ := os.ReadFile(filepath.Join(group, "cgroup.procs"))
		for pid := range strings.FieldsSeq(string(members)) {
			if n, err := strconv.Atoi(pid); err == nil && n > 1 {
				_ = unix.Kill(n, unix.SIGKILL)
			}
		}
		if err = os.Remove(group); err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

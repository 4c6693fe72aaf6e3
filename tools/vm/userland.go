package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// essential are packages that every Debian has. Tests find their programs in the machine as they find them on the host.
var essential = []string{"dash", "coreutils", "findutils", "grep", "sed", "util-linux", "mount", "hostname", "procps"}

// userland fills the tree with programs: the host's own of the essential packages, with the libraries of these and of the
// plugins, and for all other names busybox.
func userland(tree, plugins, busybox string) error {
	out, err := exec.Command("dpkg", append([]string{"-L"}, essential...)...).Output()
	if len(out) == 0 {
		return fmt.Errorf("ask dpkg for the files of %s: %w", strings.Join(essential, ", "), err)
	}
	linked := []string{filepath.Join(plugins, "bridge")}
	for _, path := range strings.Fields(string(out)) {
		info, err := os.Lstat(path)
		if err != nil || !strings.HasSuffix(filepath.Dir(path), "bin") {
			continue
		}
		if info.Mode().IsRegular() {
			linked = append(linked, path)
			err = copyFile(tree, path)
		} else if to, e := os.Readlink(path); e == nil {
			err = link(to, filepath.Join(tree, path))
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(libraries(tree, linked), link("dash", filepath.Join(tree, "bin/sh")), applets(tree, busybox))
}

// copyFile puts a file of the host into the same place in the tree, without a bit that gives rights.
func copyFile(tree, path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	target := filepath.Join(tree, path)
	return errors.Join(os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, b, 0o755))
}

// link makes a symbolic link, unless something is there.
func link(to, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(to, path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// libraries copies those that programs are linked with. ldd fails for a script among them, which has none.
func libraries(tree string, programs []string) error {
	out, err := exec.Command("ldd", programs...).Output()
	if len(out) == 0 {
		return fmt.Errorf("ask ldd for the libraries of programs: %w", err)
	}
	done := map[string]bool{}
	for line := range bytes.Lines(out) {
		if strings.HasSuffix(strings.TrimSpace(string(line)), ":") {
			continue // the name of a program
		}
		for _, word := range strings.Fields(string(line)) {
			if !strings.HasPrefix(word, "/") || done[word] {
				continue
			}
			done[word] = true
			if err := copyFile(tree, word); err != nil {
				return err
			}
		}
	}
	return nil
}

// applets puts busybox into the tree, and a link to it for each of its programs that is not there already.
func applets(tree, busybox string) error {
	b, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tree, "bin/busybox"), b, 0o755); err != nil {
		return err
	}
	list, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("ask %s for its programs: %w", busybox, err)
	}
	for _, name := range strings.Fields(string(list)) {
		there := false
		for _, dir := range []string{"usr/bin", "usr/sbin", "sbin"} { // bin is link's to look at
			_, err := os.Lstat(filepath.Join(tree, dir, name))
			there = there || err == nil
		}
		if there {
			continue
		}
		if err := link("/bin/busybox", filepath.Join(tree, "bin", name)); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// wanted are the Debian packages that the machine is made of, besides the kernel: the emulator and its firmware, a shell
// for the guest, mkfs.xfs, and the reference plugins for the tests of network/cni.
var wanted = []string{"qemu-system-x86", "seabios", "busybox-static", "xfsprogs", "containernetworking-plugins"}

// system is a directory with packages unpacked into it.
type system struct{ root string }

// fetch unpacks the packages into the cache, unless they are there. apt checks their signatures as for an installation.
func fetch(ctx context.Context, cache string) (system, error) {
	s := system{filepath.Join(cache, "root")}
	stamp := filepath.Join(cache, "fetched")
	if b, err := os.ReadFile(stamp); err == nil && string(b) == strings.Join(wanted, "\n") {
		return s, nil
	}
	began := time.Now()
	debs := filepath.Join(cache, "debs")
	for _, d := range []string{debs, s.root} {
		if err := os.RemoveAll(d); err != nil {
			return s, err
		}
		if err := os.MkdirAll(d, 0o755); err != nil {
			return s, err
		}
	}
	names, err := resolve(ctx)
	if err != nil {
		return s, err
	}
	get := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "download"}, names...)...)
	get.Dir = debs
	if out, err := get.CombinedOutput(); err != nil {
		return s, fmt.Errorf("apt-get download: %w: %s; try apt-get update", err, bytes.TrimSpace(out))
	}
	files, _ := filepath.Glob(filepath.Join(debs, "*.deb"))
	for _, f := range files {
		if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", f, s.root).CombinedOutput(); err != nil {
			return s, fmt.Errorf("unpack %s: %w: %s", filepath.Base(f), err, bytes.TrimSpace(out))
		}
	}
	fmt.Printf("vm: %d packages fetched in %.0f s\n", len(files), time.Since(began).Seconds())
	if err := os.RemoveAll(debs); err != nil {
		return s, err
	}
	return s, os.WriteFile(stamp, []byte(strings.Join(wanted, "\n")), 0o644)
}

// resolve names the packages, the current cloud kernel, and what of their dependencies the host has not.
func resolve(ctx context.Context) ([]string, error) {
	kernel, err := cloudKernel(ctx)
	if err != nil && os.Geteuid() == 0 {
		// A fresh machine has no lists of packages.
		if out, err := exec.CommandContext(ctx, "apt-get", "-q", "update").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("apt-get update: %w: %s", err, bytes.TrimSpace(out))
		}
		kernel, err = cloudKernel(ctx)
	}
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, "apt-get", append([]string{"-s", "install", "--no-install-recommends"}, wanted...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("ask apt-get what %s depend on: %w; try apt-get update", strings.Join(wanted, ", "), err)
	}
	names := append([]string{kernel}, wanted...)
	for _, n := range missing(string(out)) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names, nil
}

// missing are the packages that a simulated installation would install: lines of "Inst name (version …)".
func missing(simulation string) []string {
	var names []string
	for line := range strings.Lines(simulation) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Inst" {
			names = append(names, f[1])
		}
	}
	return names
}

func cloudKernel(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-cache", "depends", "linux-image-cloud-amd64").Output()
	if err != nil {
		return "", fmt.Errorf("ask apt-cache for Debian's kernel: %w; it needs a Debian and its lists of packages (apt-get update)", err)
	}
	for line := range strings.Lines(string(out)) {
		if _, name, ok := strings.Cut(strings.TrimSpace(line), "Depends: "); ok && strings.HasPrefix(name, "linux-image-") {
			return name, nil
		}
	}
	return "", fmt.Errorf("apt-cache knows no kernel linux-image-…-cloud-amd64; try apt-get update")
}

// path is that of a file of the packages, or of the host's when it had the package already.
func (s system) path(p string) string {
	if _, err := os.Stat(filepath.Join(s.root, p)); err == nil {
		return filepath.Join(s.root, p)
	}
	return p
}

// command is a program of the packages, with the libraries that came with it.
func (s system) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, s.path(program), args...)
	libs := filepath.Join(s.root, "usr/lib/x86_64-linux-gnu")
	c.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libs+":"+filepath.Join(s.root, "lib/x86_64-linux-gnu"),
		"QEMU_MODULE_DIR="+filepath.Join(libs, "qemu"))
	return c
}

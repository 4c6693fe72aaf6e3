package main

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

var (
	//go:embed guest/early.sh
	early []byte
	//go:embed guest/init.sh
	initial []byte
)

// machine is what the emulator starts with.
type machine struct {
	system system
	kernel kernel
	tests  []test
	// initrd has the modules that the disks need, and disks are the machine's root and one with xfs.
	initrd string
	disks  []string
}

// assemble builds the test binaries and puts them on a disk.
func assemble(ctx context.Context, cache string, sys system, tests []test, o options) (*machine, error) {
	k, err := sys.kernel()
	if err != nil {
		return nil, err
	}
	m := &machine{system: sys, kernel: k, tests: tests, initrd: filepath.Join(cache, "initrd.gz"),
		disks: []string{filepath.Join(cache, "root.img"), filepath.Join(cache, "xfs.img")}}
	tree := filepath.Join(cache, "tree")
	if err := errors.Join(os.RemoveAll(tree), m.writeInitrd(), m.guest(tree, o)); err != nil {
		return nil, err
	}
	for _, t := range tests {
		if err := build(ctx, t, filepath.Join(tree, "tests", t.dir)); err != nil {
			return nil, err
		}
	}
	if err := format(m.disks[0], "2G", exec.CommandContext(ctx, "mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0",
		"-d", tree, m.disks[0])); err != nil {
		return nil, err
	}
	if _, err := os.Stat(m.disks[1]); err == nil {
		return m, nil // every boot writes into a copy
	}
	return m, format(m.disks[1], "512M", sys.command(ctx, "/sbin/mkfs.xfs", "-q", m.disks[1]))
}

func (m *machine) writeInitrd() error {
	shell, err := os.ReadFile(m.system.path("/bin/busybox"))
	if err != nil {
		return err
	}
	var a archive
	for _, d := range []string{"bin", "dev", "proc", "root", "modules"} {
		a.directory(d)
	}
	a.file("bin/busybox", 0o755, shell)
	a.file("init", 0o755, early)
	var order strings.Builder
	for _, file := range m.kernel.modules {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		a.file("modules/"+filepath.Base(file), 0o644, b)
		fmt.Fprintln(&order, filepath.Base(file))
	}
	a.file("modules/order", 0o644, []byte(order.String()))
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestSpeed)
	w.Write(a.bytes())
	w.Close()
	return os.WriteFile(m.initrd, zipped.Bytes(), 0o644)
}

// guest lays out the machine's root, without the tests.
func (m *machine) guest(tree string, o options) error {
	for _, d := range []string{"bin", "sbin", "usr/bin", "usr/sbin", "usr/lib", "etc", "dev", "proc", "sys", "run", "tmp", "root", "home/tester", "var", "xfs", "tests"} {
		if err := os.MkdirAll(filepath.Join(tree, d), 0o755); err != nil {
			return err
		}
	}
	var order strings.Builder
	for _, t := range m.tests {
		fmt.Fprintln(&order, t.dir, t.pattern)
	}
	err := os.Chmod(filepath.Join(tree, "tmp"), 0o777|fs.ModeSticky)
	for name, text := range map[string]string{
		"sbin/init":         string(initial),
		"etc/passwd":        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\ntester:x:1000:1000::/home/tester:/bin/sh\n",
		"etc/group":         "root:x:0:\ntty:x:5:\nnogroup:x:65534:\ntester:x:1000:\n",
		"etc/hosts":         "127.0.0.1 localhost machine\n::1 localhost\n",
		"etc/hostname":      "machine\n",
		"etc/resolv.conf":   "nameserver 192.0.2.53\n",
		"etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
		"tests/order":       order.String(),
		"tests/each":        o.each.String(),
	} {
		err = errors.Join(err, os.WriteFile(filepath.Join(tree, name), []byte(text), 0o755))
	}
	if err != nil {
		return err
	}
	plugins := m.system.path("/usr/lib/cni")
	if err := os.CopyFS(filepath.Join(tree, "usr/lib/cni"), os.DirFS(plugins)); err != nil {
		return err
	}
	return userland(tree, plugins, m.system.path("/bin/busybox"))
}

// build compiles a package's tests and lays its testdata beside them.
func build(ctx context.Context, t test, into string) error {
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "go", "test", "-c", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(into, "package.test"), "./"+t.dir)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build the tests of %s: %w: %s", t.dir, err, out)
	}
	data := filepath.Join(t.dir, "testdata")
	if _, err := os.Stat(data); err != nil {
		return nil
	}
	return os.CopyFS(filepath.Join(into, "testdata"), os.DirFS(data))
}

// format makes a sparse file of a size and a file system in it.
func format(path, size string, mkfs *exec.Cmd) error {
	n := map[byte]int64{'M': 1 << 20, 'G': 1 << 30}[size[len(size)-1]]
	var count int64
	fmt.Sscan(size, &count)
	os.Remove(path)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(count*n), f.Close()); err != nil {
		return err
	}
	if out, err := mkfs.CombinedOutput(); err != nil {
		os.Remove(path)
		return fmt.Errorf("%s: %w: %s", mkfs, err, bytes.TrimSpace(out))
	}
	return nil
}

// boot runs the machine until it turns itself off, and hands its console to r.
func (m *machine) boot(ctx context.Context, timeout time.Duration, r *report) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	args := []string{
		// Two processors, one thread of the emulator: with one each, a third of the runs that trace the kernel stood still, because
		// code that is patched while another processor runs it is not always noticed.
		"-M", "q35", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", "1536",
		"-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio",
		"-L", m.system.path("/usr/share/seabios"), "-L", m.system.path("/usr/share/qemu"),
		"-kernel", m.kernel.image, "-initrd", m.initrd,
		// Only the kernel's last words belong among the tests'.
		// One that is stuck for a minute ends.
		"-append", "console=ttyS0 quiet loglevel=1 panic=-1 softlockup_panic=1 watchdog_thresh=30 mitigations=off random.trust_cpu=on",
	}
	for _, d := range m.disks {
		args = append(args, "-drive", "file="+d+",format=raw,if=virtio,snapshot=on,cache=unsafe")
	}
	c := m.system.command(ctx, "/usr/bin/qemu-system-x86_64", args...)
	c.Stdout, c.Stderr = r, r
	c.WaitDelay = time.Second
	err := c.Run()
	r.close()
	if ctx.Err() != nil {
		return fmt.Errorf("it was stopped after %s", timeout)
	}
	return err
}

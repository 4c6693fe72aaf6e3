package main

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// modules are what tests and the machine itself need; Debian's cloud kernel has them as files.
var modules = []string{
	"virtio_pci", "virtio_blk", // the disks
	"overlay", "xfs", "loop", "fuse",
	"veth", "bridge", "dummy", "macvlan", "ipvlan", "tun",
	"tcp_diag", "udp_diag", // listening sockets, for network/ports
	"sch_htb", "sch_tbf", "sch_ingress", "cls_bpf", "cls_cgroup",
}

// kernel is a kernel that was unpacked, with its modules in the order in which they load.
type kernel struct {
	image   string
	modules []string // paths
}

func (s system) kernel() (kernel, error) {
	images, _ := filepath.Glob(filepath.Join(s.root, "boot", "vmlinuz-*"))
	if len(images) == 0 {
		return kernel{}, fmt.Errorf("no kernel below %s; remove the directory, and it is fetched again", s.root)
	}
	slices.Sort(images)
	k := kernel{image: images[len(images)-1]}
	version := strings.TrimPrefix(filepath.Base(k.image), "vmlinuz-")
	files := map[string]string{}
	err := filepath.WalkDir(s.path(filepath.Join("lib/modules", version)), func(p string, d fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(filepath.Base(p), ".ko"); ok {
			files[plain(name)] = p
		}
		return err
	})
	if err != nil {
		return kernel{}, err
	}
	k.modules, err = loadOrder(modules, files, needs)
	return k, err
}

// plain is a module's name as the kernel says it: file names may have dashes.
func plain(name string) string { return strings.ReplaceAll(name, "-", "_") }

// loadOrder lists the files of modules, each after those that it needs. One that has no file is part of the kernel.
func loadOrder(names []string, files map[string]string, needs func(file string) ([]string, error)) ([]string, error) {
	var order []string
	seen := map[string]bool{}
	var visit func(name string) error
	visit = func(name string) error {
		name = plain(name)
		file, ok := files[name]
		if !ok || seen[name] {
			return nil
		}
		seen[name] = true
		deps, err := needs(file)
		if err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
		for _, d := range deps {
			if err := visit(d); err != nil {
				return err
			}
		}
		order = append(order, file)
		return nil
	}
	for _, n := range names {
		if err := visit(n); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// needs reads what a module says that it depends on, and what it wants loaded before (crc32c for xfs).
func needs(file string) ([]string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("%s is no kernel module: it has no section .modinfo", file)
	}
	b, err := section.Data()
	if err != nil {
		return nil, err
	}
	return depends(string(b)), nil
}

// depends reads depends= and softdep=pre: of the text of .modinfo, whose entries end with zeros.
func depends(modinfo string) []string {
	var names []string
	for entry := range strings.SplitSeq(modinfo, "\x00") {
		if list, ok := strings.CutPrefix(entry, "depends="); ok && list != "" {
			names = append(names, strings.Split(list, ",")...)
		}
		if list, ok := strings.CutPrefix(entry, "softdep=pre:"); ok {
			list, _, _ = strings.Cut(list, "post:")
			names = append(names, strings.Fields(list)...)
		}
	}
	return names
}

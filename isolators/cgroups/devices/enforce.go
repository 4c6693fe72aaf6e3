package devices

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/fault"
)

// Enforce1 has a group of version 1's controller follow a policy. It forbids everything first, so that at no time more is
// allowed than before and after; the kernel takes that of a group without groups below it only.
// Of a wildcard nothing can be denied: fault.ErrUnsupported.
func Enforce1(group hierarchy.Group, p Policy) error {
	if len(p.Deny) > 0 {
		return fmt.Errorf("deny %q in %s: version 1 of control groups denies no part of a wildcard: %w", p.Deny[0], group, fault.ErrUnsupported)
	}
	if err := group.Write("devices.deny", "a"); err != nil {
		return err
	}
	for _, e := range p.Allow {
		if err := group.Write("devices.allow", e.String()); err != nil {
			return fmt.Errorf("%w: the group above it, in which the agent is, may not do that itself", err)
		}
	}
	return nil
}

// Enforce2 has a group of version 2, with or without controllers, follow a policy, and no other that it followed before. It
// is in force until the group is removed, whoever asked for it. Groups below it may only be stricter.
func Enforce2(group hierarchy.Group, p Policy) error {
	program, err := load(p)
	if err != nil {
		return fmt.Errorf("load a program that guards devices: %w: %w", err, fault.ErrUnsupported)
	}
	defer program.Close()
	dir, err := unix.Open(string(group), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("guard devices in %s: %w", group, err)
	}
	defer unix.Close(dir)
	before, err := link.QueryPrograms(link.QueryOptions{Target: dir, Attach: ebpf.AttachCGroupDevice})
	if err != nil {
		return fmt.Errorf("guard devices in %s: %w", group, err)
	}
	options := link.RawAttachProgramOptions{Target: dir, Program: program, Attach: ebpf.AttachCGroupDevice, Flags: unix.BPF_F_ALLOW_MULTI}
	if len(before.Programs) == 0 {
		if err := link.RawAttachProgram(options); err != nil {
			return fmt.Errorf("guard devices in %s: %w", group, err)
		}
		return nil
	}
	return replace(options, group, before.Programs)
}

// replace puts a program in the place of the first of those that are there, at a stroke, and takes the others away.
func replace(options link.RawAttachProgramOptions, group hierarchy.Group, before []link.AttachedProgram) error {
	var errs []error
	for n, attached := range before {
		old, err := ebpf.NewProgramFromID(attached.ID)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if n == 0 {
			options.Anchor = link.ReplaceProgram(old)
			err = link.RawAttachProgram(options)
		} else {
			err = link.RawDetachProgram(link.RawDetachProgramOptions{Target: options.Target, Program: old, Attach: options.Attach})
		}
		errs = append(errs, err, old.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("guard devices in %s anew: %w", group, err)
	}
	return nil
}

// Possible tells whether programs that guard devices can be loaded here.
func Possible() error {
	p, err := load(Policy{})
	if err != nil {
		return err
	}
	return p.Close()
}

func load(p Policy) (*ebpf.Program, error) {
	return ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "devices", Type: ebpf.CGroupDevice, AttachType: ebpf.AttachCGroupDevice, License: "Apache-2.0", Instructions: assemble(p),
	})
}

// assemble writes a policy as a program. The kernel gives it what is asked for in the upper half and the kind in the lower half
// of a word, then the numbers (struct bpf_cgroup_dev_ctx), and wants 1 for yes. The program takes away, entry by entry, what
// is allowed of what is asked for; when nothing is left of it, the answer is yes.
func assemble(p Policy) asm.Instructions {
	const asked, kind, major, minor, left, scratch = asm.R2, asm.R3, asm.R4, asm.R5, asm.R6, asm.R7
	code := asm.Instructions{
		asm.LoadMem(asked, asm.R1, 0, asm.Word),
		asm.Mov.Reg(kind, asked),
		asm.RSh.Imm(asked, 16),
		asm.And.Imm(kind, 0xffff),
		asm.LoadMem(major, asm.R1, 4, asm.Word),
		asm.LoadMem(minor, asm.R1, 8, asm.Word),
		asm.Mov.Reg(left, asked),
	}
	const no = "no"
	label := "" // of what follows next
	add := func(i asm.Instruction) {
		if label != "" {
			i, label = i.WithSymbol(label), ""
		}
		code = append(code, i)
	}
	entry := 0
	each := func(entries []Entry, then func(bits int32)) {
		for _, e := range entries {
			entry++
			next := fmt.Sprintf("entry-%d", entry)
			if e.Kind != 'a' {
				add(asm.JNE.Imm(kind, bpfKind(e.Kind), next))
			}
			if e.Major != All {
				add(asm.JNE.Imm(major, int32(e.Major), next))
			}
			if e.Minor != All {
				add(asm.JNE.Imm(minor, int32(e.Minor), next))
			}
			then(bpfAccess(e.Access))
			label = next
		}
	}
	each(p.Deny, func(bits int32) {
		add(asm.Mov.Reg(scratch, asked))
		add(asm.And.Imm(scratch, bits))
		add(asm.JNE.Imm(scratch, 0, no))
	})
	each(p.Allow, func(bits int32) { add(asm.And.Imm(left, ^bits)) })
	add(asm.JNE.Imm(left, 0, no))
	add(asm.Mov.Imm(asm.R0, 1))
	add(asm.Return())
	label = no
	add(asm.Mov.Imm(asm.R0, 0))
	add(asm.Return())
	return code
}

func bpfKind(kind byte) int32 {
	if kind == 'b' {
		return unix.BPF_DEVCG_DEV_BLOCK
	}
	return unix.BPF_DEVCG_DEV_CHAR
}

func bpfAccess(a Access) (bits int32) {
	for access, bit := range map[Access]int32{Read: unix.BPF_DEVCG_ACC_READ, Write: unix.BPF_DEVCG_ACC_WRITE, Mknod: unix.BPF_DEVCG_ACC_MKNOD} {
		if a&access != 0 {
			bits |= bit
		}
	}
	return bits
}

package seccomp

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
)

// maxInstructions is what the kernel takes (BPF_MAXINSNS).
const maxInstructions = 4096

// Compile makes the filter of a profile for a container.
//
// What it means: of the rules that hold for a call without a condition on arguments, the first decides; where there is none,
// the first whose conditions hold; else the default. A rule that says what the default says is as if it were not there, as in
// Docker. A call of an architecture that the profile does not name kills the process.
//
// How it looks: one search among the numbers of each architecture, in which neighbours that end alike are one, so that any
// call costs some ten instructions.
func Compile(p *Profile, f For) ([]isolators.Instruction, error) {
	native := p.Arches[0]
	var rules []Rule
	for _, r := range p.Rules {
		if r.Action != p.Default && r.holds(f, native) {
			rules = append(rules, r)
		}
	}
	filter := ret(KillProcess)
	for _, audit := range audits(p.Arches) {
		block := code{}
		for _, a := range p.Arches {
			if a.audit == audit && a.bit == 0 {
				block = search(decisions(rules, a, p.Default), 0, math.MaxUint32)
			}
		}
		filter = branch(jumpEqual, audit, cat(load(offsetNumber), beyond(p, audit, rules, block)), filter)
	}
	filter = cat(load(offsetArch), filter)
	if len(filter) > maxInstructions {
		return nil, fmt.Errorf("the profile makes a filter of %d instructions, and the kernel takes %d: leave out rules: %w", len(filter), maxInstructions, fault.ErrInvalid)
	}
	return filter, nil
}

// audits are the audit numbers of architectures, each once.
func audits(all []Arch) []uint32 {
	var list []uint32
	for _, a := range all {
		if !slices.Contains(list, a.audit) {
			list = append(list, a.audit)
		}
	}
	return list
}

// beyond sends numbers with the bit of x32 to the rules of x32, or to death where the profile has none. The number -1 is that
// of a call that a tracer took back, and no call of x32.
func beyond(p *Profile, audit uint32, rules []Rule, block code) code {
	if audit != p.Arches[0].audit || p.Arches[0].Name != "X86_64" {
		return block
	}
	x32 := ret(KillProcess)
	for _, a := range p.Arches {
		if a.bit != 0 {
			x32 = search(decisions(rules, a, p.Default), x32Bit, math.MaxUint32)
		}
	}
	return branch(jumpGreaterOrEqual, x32Bit, branch(jumpEqual, math.MaxUint32, ret(p.Default), x32), block)
}

// decision is what becomes of the calls from first on, until the next decision's.
type decision struct {
	first uint32
	what  code
}

// decisions of an architecture, by number. Neighbours that end alike are one.
func decisions(rules []Rule, a Arch, otherwise Action) []decision {
	byNumber := map[uint32][]Rule{}
	add := func(n uint32, r Rule) { byNumber[n] = append(byNumber[n], r) }
	for _, r := range rules {
		for _, name := range r.Names {
			if n, ok := a.number(name); ok {
				add(n, r)
			}
			if a.Name == "X86" && len(r.Args) == 0 {
				multiplexed(a, name, r, add)
			}
		}
	}
	list := []decision{{0, ret(otherwise)}}
	put := func(first uint32, what code) {
		last := &list[len(list)-1]
		switch {
		case slices.Equal(last.what, what):
		case last.first == first:
			last.what = what
		default:
			list = append(list, decision{first, what})
		}
	}
	var numbers []uint32
	for n := range byNumber {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		put(n, outcome(byNumber[n], otherwise))
		if !slices.Contains(numbers, n+1) {
			put(n+1, ret(otherwise))
		}
	}
	return list
}

// Calls of sockets and of System V's queues have two ways in on 386: a number of their own, and one for all with the
// call as its first argument. A rule without conditions means both.
var (
	socketcalls = []string{"", "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername", "socketpair", "send", "recv", "sendto",
		"recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg"}
	ipcs = map[string]uint64{"semop": 1, "semget": 2, "semctl": 3, "semtimedop": 4, "msgsnd": 11, "msgrcv": 12, "msgget": 13, "msgctl": 14,
		"shmat": 21, "shmdt": 22, "shmget": 23, "shmctl": 24}
)

func multiplexed(a Arch, name string, r Rule, add func(uint32, Rule)) {
	way, op, arg := "", Equal, Arg{}
	if i := slices.Index(socketcalls, name); i > 0 {
		way, arg = "socketcall", Arg{Op: op, Value: uint64(i)}
	} else if i, ok := ipcs[name]; ok {
		way, arg = "ipc", Arg{Op: MaskedEqual, Value: 0xffff, Two: i} // the version of the call is in the upper half
	}
	if n, ok := a.number(way); ok {
		r.Args = []Arg{arg}
		add(n, r)
	}
}

// outcome of one call.
func outcome(rules []Rule, otherwise Action) code {
	for _, r := range rules {
		if len(r.Args) == 0 {
			return ret(r.Action)
		}
	}
	c := ret(otherwise)
	for _, r := range slices.Backward(rules) {
		c = cat(conditions(r), c)
	}
	return c
}

// conditions are a rule with its action; where one does not hold it runs to its end.
func conditions(r Rule) code {
	c := ret(r.Action)
	for _, a := range slices.Backward(r.Args) {
		c = cat(test(a, len(c)), c)
	}
	return c
}

// search finds the decision for the number that was loaded, which is known to be from low to high.
func search(list []decision, low, high uint32) code {
	first := 0
	for first+1 < len(list) && list[first+1].first <= low {
		first++
	}
	list = list[first:]
	if len(list) == 1 || list[1].first > high {
		return list[0].what
	}
	middle := len(list) / 2
	at := list[middle].first
	return branch(jumpGreaterOrEqual, at, search(list[middle:], at, high), search(list[:middle], low, at-1))
}

// code ends on every way with what becomes of the call, unless it is part of something that does.
type code = []isolators.Instruction

// Instructions of classic BPF, and where seccomp_data has what.
const (
	jumpEqual          = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jumpGreater        = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	jumpGreaterOrEqual = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	jumpAlways         = unix.BPF_JMP | unix.BPF_JA
	loadWord           = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	and                = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	giveBack           = unix.BPF_RET | unix.BPF_K

	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

func ret(a Action) code         { return code{{Code: giveBack, K: uint32(a)}} }
func load(offset uint32) code   { return code{{Code: loadWord, K: offset}} }
func cat(parts ...code) code    { return slices.Concat(parts...) }
func low(v uint64) uint32       { return uint32(v) }
func high(v uint64) uint32      { return uint32(v >> 32) }
func lowWord(index int) uint32  { return offsetArgs + 8*uint32(index) } // both architectures are little-endian
func highWord(index int) uint32 { return lowWord(index) + 4 }

// branch is then when the comparison holds, else otherwise. A jump with a condition reaches 255 instructions, one without as
// far as wanted.
func branch(jump uint16, k uint32, then, otherwise code) code {
	if len(otherwise) <= math.MaxUint8 {
		return cat(code{{Code: jump, JT: uint8(len(otherwise)), K: k}}, otherwise, then)
	}
	return cat(code{{Code: jump, JF: 1, K: k}, {Code: jumpAlways, K: uint32(len(otherwise))}}, otherwise, then)
}

// test an argument: what follows when it holds, and when it does not what is miss instructions after that.
func test(a Arg, miss int) code {
	hi, lo := highWord(a.Index), lowWord(a.Index)
	switch a.Op {
	case Equal:
		return equal(a, math.MaxUint64, a.Value, miss)
	case MaskedEqual:
		return equal(a, a.Value, a.Two, miss)
	case NotEqual:
		// Other upper halves are enough.
		return cat(load(hi), skip(jumpEqual, high(a.Value), 0, 2), load(lo), skip(jumpEqual, low(a.Value), miss, 0))
	case Greater:
		return cat(load(hi), skip(jumpGreater, high(a.Value), 3, 0), skip(jumpEqual, high(a.Value), 0, miss+2), load(lo), skip(jumpGreater, low(a.Value), 0, miss))
	case GreaterOrEqual:
		return cat(load(hi), skip(jumpGreater, high(a.Value), 3, 0), skip(jumpEqual, high(a.Value), 0, miss+2), load(lo), skip(jumpGreaterOrEqual, low(a.Value), 0, miss))
	case LessOrEqual:
		return cat(load(hi), skip(jumpGreater, high(a.Value), miss+3, 0), skip(jumpEqual, high(a.Value), 0, 2), load(lo), skip(jumpGreater, low(a.Value), miss, 0))
	default: // Less
		return cat(load(hi), skip(jumpGreater, high(a.Value), miss+3, 0), skip(jumpEqual, high(a.Value), 0, 2), load(lo), skip(jumpGreaterOrEqual, low(a.Value), miss, 0))
	}
}

func equal(a Arg, mask, value uint64, miss int) code {
	half := func(offset, mask, value uint32, miss int) code {
		c := cat(load(offset), skip(jumpEqual, value, 0, miss))
		if mask == math.MaxUint32 {
			return c
		}
		return slices.Insert(c, 1, isolators.Instruction{Code: and, K: mask})
	}
	second := half(lowWord(a.Index), low(mask), low(value), miss)
	return cat(half(highWord(a.Index), high(mask), high(value), miss+len(second)), second)
}

func skip(jump uint16, k uint32, then, otherwise int) code {
	return code{{Code: jump, JT: uint8(then), JF: uint8(otherwise), K: k}}
}

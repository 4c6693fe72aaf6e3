package seccomp

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	moby "github.com/moby/profiles/seccomp"
	"golang.org/x/net/bpf"

	"github.com/meseta-io/meseta/isolators"
)

// call is what a filter sees.
type call struct {
	number, arch uint32
	args         [6]uint64
}

// meaning is a profile interpreted, rule by rule and without a thought of speed.
func meaning(p *Profile, f For, c call) Action {
	var arch *Arch
	for i, a := range p.Arches {
		if a.audit != c.arch {
			continue
		}
		if x32 := c.arch == 0xc000003e && c.number&^(x32Bit-1) != 0 && c.number != math.MaxUint32; x32 == (a.bit != 0) {
			arch = &p.Arches[i]
		}
	}
	if arch == nil {
		return KillProcess
	}
	var conditional []Rule
	for _, r := range p.Rules {
		if r.Action == p.Default || !r.holds(f, p.Arches[0]) || !means(*arch, r, c) {
			continue
		}
		if len(r.Args) == 0 && !byAnotherWay(*arch, r, c) {
			return r.Action
		}
		conditional = append(conditional, r)
	}
	for _, r := range conditional {
		all := true
		for _, a := range r.Args {
			all = all && compare(a, c.args[a.Index])
		}
		if all {
			return r.Action
		}
	}
	return p.Default
}

// means tells whether a rule names a call, by its number or through one for all.
func means(arch Arch, r Rule, c call) bool {
	for _, name := range r.Names {
		if n, ok := arch.number(name); ok && n == c.number {
			return true
		}
	}
	return byAnotherWay(arch, r, c)
}

func byAnotherWay(arch Arch, r Rule, c call) bool {
	if arch.Name != "X86" || len(r.Args) > 0 {
		return false
	}
	named := false
	other := false
	for _, name := range r.Names {
		if n, ok := arch.number(name); ok && n == c.number {
			named = true
		}
		for i, s := range socketcalls {
			other = other || i > 0 && s == name && c.number == 102 && c.args[0] == uint64(i)
		}
		if i, ok := ipcs[name]; ok && c.number == 117 && c.args[0]&0xffff == i {
			other = true
		}
	}
	return other && !named
}

func compare(a Arg, v uint64) bool {
	switch a.Op {
	case NotEqual:
		return v != a.Value
	case Less:
		return v < a.Value
	case LessOrEqual:
		return v <= a.Value
	case Equal:
		return v == a.Value
	case GreaterOrEqual:
		return v >= a.Value
	case Greater:
		return v > a.Value
	}
	return v&a.Value == a.Two
}

// machine runs a filter as the kernel does, but for the order of bytes, which is that of packets.
type machine struct{ vm *bpf.VM }

func newMachine(t testing.TB, filter []isolators.Instruction) machine {
	t.Helper()
	var raw []bpf.Instruction
	for _, i := range filter {
		in := bpf.RawInstruction{Op: i.Code, Jt: i.JT, Jf: i.JF, K: i.K}.Disassemble()
		if _, unknown := in.(bpf.RawInstruction); unknown {
			t.Fatalf("%+v is no instruction", i)
		}
		raw = append(raw, in)
	}
	vm, err := bpf.NewVM(raw)
	if err != nil {
		t.Fatal(err)
	}
	return machine{vm}
}

func (m machine) run(t testing.TB, c call) Action {
	t.Helper()
	var data []byte
	for _, w := range []uint32{c.number, c.arch, 0, 0} {
		data = binary.BigEndian.AppendUint32(data, w)
	}
	for _, a := range c.args {
		data = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(data, uint32(a)), uint32(a>>32))
	}
	got, err := m.vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return Action(uint32(got))
}

func docker(t testing.TB) *Profile {
	t.Helper()
	text, err := json.Marshal(moby.DefaultProfile())
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// interesting values, around which comparisons go wrong.
func value(r *rand.Rand, near []uint64) uint64 {
	switch r.IntN(4) {
	case 0:
		return r.Uint64N(8)
	case 1:
		return r.Uint64() >> r.UintN(64)
	}
	if len(near) == 0 {
		return r.Uint64()
	}
	return near[r.IntN(len(near))] + r.Uint64N(3) - 1 + r.Uint64N(2)<<32
}

func anyCall(r *rand.Rand, p *Profile) call {
	var near []uint64
	for _, rule := range p.Rules {
		for _, a := range rule.Args {
			near = append(near, a.Value, a.Two)
		}
	}
	c := call{number: r.Uint32N(560), arch: []uint32{0xc000003e, 0x40000003, 0xc00000b7, 0x40000028, 1}[min(r.IntN(8), 4)]}
	switch r.IntN(12) {
	case 0:
		c.number = math.MaxUint32 - r.Uint32N(3)
	case 1, 2, 3:
		c.number |= x32Bit
	case 4:
		c.number = []uint32{102, 117}[r.IntN(2)]
	}
	for i := range c.args {
		c.args[i] = value(r, near)
	}
	return c
}

func agree(t *testing.T, r *rand.Rand, p *Profile, f For, calls int) {
	t.Helper()
	filter, err := Compile(p, f)
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, filter)
	for range calls {
		c := anyCall(r, p)
		if got, want := m.run(t, c), meaning(p, f, c); got != want {
			t.Fatalf("%+v: the filter says %#x, the profile %#x\n%+v", c, uint32(got), uint32(want), p)
		}
	}
}

// The filter of Docker's profile says of every call what the profile says.
func TestDockersProfile(t *testing.T) {
	p := docker(t)
	for _, f := range []For{{}, {Caps: math.MaxUint64, Kernel: Kernel{6, 1}}, {Caps: 1<<21 | 1<<16, Kernel: Kernel{4, 8}}, {Caps: 0xa80425fb, Kernel: Kernel{6, 18}}} {
		agree(t, rand.New(rand.NewPCG(1, f.Caps)), p, f, 40_000)
	}
	filter, err := Compile(p, For{Caps: 0xa80425fb, Kernel: Kernel{6, 18}})
	if err != nil {
		t.Fatal(err)
	}
	longest := 0
	for n := range uint32(500) {
		longest = max(longest, steps(filter, call{number: n, arch: p.Arches[0].audit}))
	}
	t.Logf("%d instructions, at most %d for a call", len(filter), longest)
	if longest > 40 {
		t.Errorf("a call takes %d instructions", longest)
	}
}

// steps that a call takes through a filter.
func steps(filter []isolators.Instruction, c call) int {
	var a uint32
	for n, pc := 1, 0; ; n++ {
		i := filter[pc]
		pc++
		switch i.Code {
		case giveBack:
			return n
		case loadWord:
			switch i.K {
			case offsetNumber:
				a = c.number
			case offsetArch:
				a = c.arch
			default:
				a = 0
			}
		case and:
			a &= i.K
		case jumpAlways:
			pc += int(i.K)
		default:
			yes := i.Code == jumpEqual && a == i.K || i.Code == jumpGreater && a > i.K || i.Code == jumpGreaterOrEqual && a >= i.K
			if yes {
				pc += int(i.JT)
			} else {
				pc += int(i.JF)
			}
		}
	}
}

// Profiles of all shapes, made by chance.
func TestAnyProfile(t *testing.T) {
	var names []string
	for name := range numbers() {
		names = append(names, name)
	}
	acts := []Action{KillProcess, KillThread, Trap, Errno | 1, Errno | 38, Trace | 7, Log, Allow}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		native, err := Native()
		if err != nil {
			t.Fatal(err)
		}
		p := &Profile{Default: acts[r.IntN(len(acts))], Arches: []Arch{native}}
		for _, a := range []string{"X86", "X32", "ARM"} {
			if arch, _ := byName(a); r.IntN(2) == 0 {
				p.add(arch)
			}
		}
		for range r.IntN(60) {
			rule := Rule{Action: acts[r.IntN(len(acts))]}
			for range 1 + r.IntN(5) {
				rule.Names = append(rule.Names, []string{names[r.IntN(len(names))], "socket", "semop", "clone", "ioctl"}[min(r.IntN(9), 4)])
			}
			for index := range 6 {
				if r.IntN(5) == 0 {
					rule.Args = append(rule.Args, Arg{Index: index, Op: Op(r.IntN(int(MaskedEqual) + 1)), Value: value(r, nil), Two: value(r, nil)})
				}
			}
			rule.Includes.Caps, rule.Excludes.Caps = r.Uint64()&r.Uint64()&7, r.Uint64()&r.Uint64()&r.Uint64()&7
			p.Rules = append(p.Rules, rule)
		}
		agree(t, r, p, For{Caps: r.Uint64()}, 3_000)
	}
}

func BenchmarkCompile(b *testing.B) {
	p := docker(b)
	for b.Loop() {
		if _, err := Compile(p, For{Caps: 0xa80425fb, Kernel: Kernel{6, 18}}); err != nil {
			b.Fatal(err)
		}
	}
}

package seccomp

import (
	"math"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/strictjson"
)

// maxBytes of a profile; Docker's own has some 15,000.
const maxBytes = 1 << 20

// Parse reads a profile. What is wrong with it is of class fault.ErrInvalid, in Mesos' words where Mesos has some.
//
// Mesos wants every field, Docker leaves out what is empty, as it does in today's default profile. Here a field may be missing
// from an object that has nothing unknown in it: what is missing beside something unknown was misspelt.
func Parse(text []byte) (*Profile, error) {
	if len(text) > maxBytes {
		return nil, strictjson.Refuse("a profile has at most %d bytes, not %d", maxBytes, len(text))
	}
	native, err := Native()
	if err != nil {
		return nil, err
	}
	o, err := object(text, "the Seccomp configuration", "defaultAction", "archMap", "syscalls", "architectures", "defaultErrnoRet", "flags", "listenerPath", "listenerMetadata", "comment")
	if err != nil {
		return nil, err
	}
	p := &Profile{Arches: []Arch{native}}
	if p.Default, err = o.action("defaultAction", "defaultErrnoRet"); err != nil {
		return nil, err
	}
	if err := p.arches(o, native); err != nil {
		return nil, err
	}
	list, err := o.list("syscalls")
	if err != nil {
		return nil, err
	}
	for _, text := range list {
		rules, err := rule(text)
		if err != nil {
			return nil, err
		}
		p.Rules = append(p.Rules, rules...)
	}
	return p, nil
}

// arches reads which conventions of calls there are: "archMap", or "architectures" of the older format.
func (p *Profile) arches(o fields, native Arch) error {
	maps, err := o.list("archMap")
	if err != nil {
		return err
	}
	for _, text := range maps {
		m, err := object(text, "'archMap' item", "architecture", "subArchitectures")
		if err != nil {
			return err
		}
		name, err := m.text("architecture")
		if err != nil {
			return err
		}
		arch, err := architecture(name)
		if err != nil {
			return err
		}
		subs, err := m.texts("subArchitectures")
		if err != nil {
			return err
		}
		for _, s := range subs {
			sub, err := architecture(s)
			if err != nil {
				return err
			}
			if arch.Name == native.Name {
				p.add(sub)
			}
		}
	}
	old, err := o.texts("architectures")
	if err != nil {
		return err
	}
	if len(old) > 0 && len(maps) > 0 {
		return strictjson.Refuse("'architectures' and 'archMap' say the same in two ways: leave one out")
	}
	for _, name := range old {
		arch, err := architecture(name)
		if err != nil {
			return err
		}
		p.add(arch)
	}
	return nil
}

// add an architecture that a process on this machine can be of.
func (p *Profile) add(a Arch) {
	family := map[string]string{"X86": "amd64", "X32": "amd64", "ARM": "arm64"}
	if family[a.Name] == p.Arches[0].Go && !slices.Contains(p.Arches, a) {
		p.Arches = append(p.Arches, a)
	}
}

func architecture(name string) (Arch, error) {
	short, ok := strings.CutPrefix(name, "SCMP_ARCH_")
	if !ok {
		return Arch{}, strictjson.Refuse("Unexpected architecture: '%.80s'", name)
	}
	a, ok := byName(short)
	if !ok {
		return Arch{}, strictjson.Refuse("Unknown architecture: '%.80s'", name)
	}
	return a, nil
}

// rule reads one of "syscalls". It becomes several where arguments are named twice, because of those any is enough, as in
// Docker.
func rule(text []byte) ([]Rule, error) {
	o, err := object(text, "'syscalls' item", "includes", "excludes", "names", "action", "args", "errnoRet", "name", "comment")
	if err != nil {
		return nil, err
	}
	var r Rule
	if r.Includes, err = o.conditions("includes"); err != nil {
		return nil, err
	}
	if r.Excludes, err = o.conditions("excludes"); err != nil {
		return nil, err
	}
	if r.Names, err = o.names(); err != nil {
		return nil, err
	}
	if r.Action, err = o.action("action", "errnoRet"); err != nil {
		return nil, err
	}
	if r.Args, err = o.args(); err != nil {
		return nil, err
	}
	return split(r), nil
}

func split(r Rule) []Rule {
	seen := map[int]bool{}
	twice := false
	for _, a := range r.Args {
		twice = twice || seen[a.Index]
		seen[a.Index] = true
	}
	if !twice {
		return []Rule{r}
	}
	var rules []Rule
	for _, a := range r.Args {
		each := r
		each.Args = []Arg{a}
		rules = append(rules, each)
	}
	return rules
}

func (o fields) names() ([]string, error) {
	names, err := o.texts("names")
	if err != nil {
		return nil, err
	}
	if _, old := o.values["name"]; old {
		name, err := o.text("name")
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, strictjson.Refuse("Syscall 'names' list is empty")
	}
	for _, name := range names {
		if !exists(name) {
			return nil, strictjson.Refuse("Unrecognized syscall '%.80s': this version knows none of that name on any architecture", name)
		}
	}
	return names, nil
}

var actions = map[string]Action{
	"SCMP_ACT_KILL": KillThread, "SCMP_ACT_KILL_THREAD": KillThread, "SCMP_ACT_KILL_PROCESS": KillProcess, "SCMP_ACT_TRAP": Trap,
	"SCMP_ACT_ERRNO": Errno, "SCMP_ACT_TRACE": Trace, "SCMP_ACT_LOG": Log, "SCMP_ACT_ALLOW": Allow,
}

// action reads one with the number that goes with it: EPERM unless it is said.
func (o fields) action(key, number string) (Action, error) {
	name, err := o.text(key)
	if err != nil {
		return 0, err
	}
	if !strings.HasPrefix(name, "SCMP_") {
		return 0, strictjson.Refuse("Unexpected syscall action: '%.80s'", name)
	}
	if name == "SCMP_ACT_NOTIFY" {
		return 0, strictjson.Refuse("syscall action 'SCMP_ACT_NOTIFY' needs somebody who listens, and there is nobody: use SCMP_ACT_ERRNO")
	}
	a, ok := actions[name]
	if !ok {
		return 0, strictjson.Refuse("Unknown syscall action: '%.80s'", name)
	}
	n, said, err := o.number(number, math.MaxUint16)
	if err != nil {
		return 0, err
	}
	switch {
	case a != Errno && a != Trace:
		return a, nil // the number is of no matter, as in Docker
	case !said:
		n = uint64(unix.EPERM)
	case a == Errno && n > 4095:
		return 0, strictjson.Refuse("'%s' is an error number from 0 to 4095, not %d", number, n)
	}
	return a | Action(n), nil
}

var ops = map[string]Op{
	"SCMP_CMP_NE": NotEqual, "SCMP_CMP_LT": Less, "SCMP_CMP_LE": LessOrEqual, "SCMP_CMP_EQ": Equal, "SCMP_CMP_GE": GreaterOrEqual,
	"SCMP_CMP_GT": Greater, "SCMP_CMP_MASKED_EQ": MaskedEqual,
}

func (o fields) args() ([]Arg, error) {
	list, err := o.list("args")
	if err != nil {
		return nil, err
	}
	var all []Arg
	for _, text := range list {
		f, err := object(text, "'args' item", "index", "value", "valueTwo", "op")
		if err != nil {
			return nil, err
		}
		a, err := f.arg()
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

func (o fields) arg() (a Arg, err error) {
	index, said, err := o.number("index", 5)
	if err != nil || !said {
		return a, orMissing(err, o, "index")
	}
	value, said, err := o.number("value", math.MaxUint64)
	if err != nil || !said {
		return a, orMissing(err, o, "value")
	}
	two, _, err := o.number("valueTwo", math.MaxUint64)
	if err != nil {
		return a, err
	}
	name, err := o.text("op")
	if err != nil {
		return a, err
	}
	if !strings.HasPrefix(name, "SCMP_") {
		return a, strictjson.Refuse("Unexpected operation: '%.80s'", name)
	}
	op, ok := ops[name]
	if !ok {
		return a, strictjson.Refuse("Unknown operator: '%.80s'", name)
	}
	return Arg{Index: int(index), Op: op, Value: value, Two: two}, nil
}

func (o fields) conditions(key string) (c Conditions, err error) {
	text, ok := o.values[key]
	if !ok {
		return c, nil
	}
	f, err := object(text, "'"+key+"'", "caps", "arches", "minKernel")
	if err != nil {
		return c, err
	}
	if c.Arches, err = f.texts("arches"); err != nil {
		return c, err
	}
	for _, a := range c.Arches {
		if !knownGo(a) {
			return c, strictjson.Refuse("Unknown architecture: '%.80s'", a)
		}
	}
	caps, err := f.texts("caps")
	if err != nil {
		return c, err
	}
	for _, name := range caps {
		bit, err := capability(name)
		if err != nil {
			return c, err
		}
		c.Caps |= bit
	}
	if _, ok := f.values["minKernel"]; ok {
		version, err := f.text("minKernel")
		if err != nil {
			return c, err
		}
		if c.MinKernel, err = parseKernel(version); err != nil {
			return c, strictjson.Refuse("'minKernel': %v", err)
		}
	}
	return c, nil
}

func capability(name string) (uint64, error) {
	short, ok := strings.CutPrefix(name, "CAP_")
	if !ok {
		return 0, strictjson.Refuse("Unexpected capability: '%.80s'", name)
	}
	n, ok := mesospb.CapabilityInfo_Capability_value[short]
	if !ok || n < int32(mesospb.CapabilityInfo_CHOWN) {
		return 0, strictjson.Refuse("Unknown capability: '%.80s'", name)
	}
	return 1 << (n - int32(mesospb.CapabilityInfo_CHOWN)), nil
}

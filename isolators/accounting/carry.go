package accounting

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// member is a number, or an array of them, in a value of a map.
type member struct {
	name         string
	offset, size uint32
}

// members flattens a type. Names of inner ones follow those of the outer ones after a dot.
func members(t btf.Type, prefix string, at uint32) ([]member, error) {
	s, ok := btf.UnderlyingType(t).(*btf.Struct)
	if !ok {
		size, err := btf.Sizeof(t)
		return []member{{prefix, at, uint32(size)}}, err
	}
	var all []member
	for _, m := range s.Members {
		inner, err := members(m.Type, prefix+"."+m.Name, at+m.Offset.Bytes())
		if err != nil {
			return nil, err
		}
		all = append(all, inner...)
	}
	return all, nil
}

// valuesOf are the members of a map's values. The kernel keeps the types of a map as long as the map.
func valuesOf(m *ebpf.Map, value string) ([]member, error) {
	h, err := m.Handle()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	spec, err := h.Spec(nil)
	if err != nil {
		return nil, err
	}
	t, err := spec.AnyTypeByName(value)
	if err != nil {
		return nil, err
	}
	return members(t, "", 0)
}

// sameLayout tells whether programs that expect s may use a map that another version made.
func sameLayout(m *ebpf.Map, s *ebpf.MapSpec) bool {
	if s.Compatible(m) != nil {
		return false
	}
	if s.Value == nil || s.Value.TypeName() == "" {
		return true // a plain number
	}
	is, err := valuesOf(m, s.Value.TypeName())
	if err != nil {
		return false
	}
	want, err := members(s.Value, "", 0)
	return err == nil && slices.Equal(is, want)
}

// carry copies what two layouts of a map have in common, by the names of the members.
func carry(old, new *ebpf.Map, s *ebpf.MapSpec) error {
	if old.Type() != new.Type() || old.KeySize() != new.KeySize() || s.Value == nil {
		return errors.New("it is another kind of map")
	}
	from, err := valuesOf(old, s.Value.TypeName())
	if err != nil {
		return fmt.Errorf("its types: %w", err)
	}
	to, err := members(s.Value, "", 0)
	if err != nil {
		return fmt.Errorf("its types: %w", err)
	}
	perCPU := old.Type() == ebpf.PerCPUHash || old.Type() == ebpf.PerCPUArray
	var key []byte
	var whole []byte
	var each [][]byte
	var into any = &whole
	if perCPU {
		into = &each
	}
	entries := old.Iterate()
	for entries.Next(&key, into) {
		var value any
		if perCPU {
			var values [][]byte
			for _, v := range each {
				values = append(values, convert(v, from, to, s.ValueSize))
			}
			value = values
		} else {
			value = convert(whole, from, to, s.ValueSize)
		}
		if err := patiently(func() error { return new.Put(key, value) }); err != nil {
			return err
		}
	}
	return entries.Err()
}

func convert(value []byte, from, to []member, size uint32) []byte {
	out := make([]byte, size)
	for _, t := range to {
		i := slices.IndexFunc(from, func(f member) bool { return f.name == t.name })
		if i < 0 {
			continue
		}
		f := from[i]
		n := min(f.size, t.size)
		if int(f.offset+n) <= len(value) && int(t.offset+n) <= len(out) {
			copy(out[t.offset:t.offset+n], value[f.offset:])
		}
	}
	return out
}

package wire

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// manyMissing is how many missing fields one error names; more would only hide the first.
const manyMissing = 16

// CheckRequired says which required fields are missing anywhere in m, by their paths. It is nil if none is, else of
// class fault.ErrInvalid.
func CheckRequired(m proto.Message) error {
	if proto.CheckInitialized(m) == nil { // as fast as a walk by layouts would be; it only names too little
		return nil
	}
	r := m.ProtoReflect()
	var fields []string
	findMissing(planOf(r.Descriptor()), r, "", &fields)
	return missing(fields)
}

func findMissing(p *plan, m protoreflect.Message, path string, missing *[]string) {
	for i := range p.fields {
		f := &p.fields[i]
		switch {
		case len(*missing) >= manyMissing:
			return
		case !m.Has(f.fd):
			if f.fd.Cardinality() == protoreflect.Required {
				*missing = append(*missing, path+f.name)
			}
		case f.sub == nil || !f.sub.deep:
		case f.isMap:
			for _, entry := range sortedEntries(m.Get(f.fd).Map()) {
				findBelow(f.sub, entry.value, path+f.name, entry.key, missing)
			}
		case f.list:
			l := m.Get(f.fd).List()
			for i := range l.Len() {
				findBelow(f.sub, l.Get(i), path+f.name, i, missing)
			}
		default:
			findMissing(f.sub, m.Get(f.fd).Message(), path+f.name+".", missing)
		}
	}
}

// findBelow looks into an element of a list or map. Whole ones are passed by before their path is written, because of many
// only few miss something.
func findBelow(p *plan, v protoreflect.Value, path string, at any, missing *[]string) {
	if m := v.Message(); proto.CheckInitialized(m.Interface()) != nil {
		findMissing(p, m, fmt.Sprintf("%s[%v].", path, at), missing)
	}
}

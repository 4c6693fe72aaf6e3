package legacy

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// milli is an amount in thousandths, which is as fine as amounts are; added up as numbers they would not be even.
type milli int64

func milliOf(v float64) milli { return milli(math.Round(v * 1000)) }

func (m milli) float() float64 { return float64(m) / 1000 }

// pair is a range.
type pair struct{ begin, end uint64 }

// extra is a resource that is not one of the four which are always shown.
type extra struct {
	name   string
	kind   mesospb.Value_Type
	scalar milli
	ranges []pair
	items  []string
}

// amounts are resources summed up by name, as the old endpoints show them.
type amounts struct {
	disk, mem, gpus, cpus milli
	extras                []extra
}

func (a *amounts) add(lists ...[]*mesospb.Resource) {
	for _, list := range lists {
		for _, r := range list {
			a.one(r)
		}
	}
}

func (a *amounts) one(r *mesospb.Resource) {
	name := r.GetName()
	if r.Revocable == nil && r.GetType() == mesospb.Value_SCALAR {
		n := milliOf(r.GetScalar().GetValue())
		switch name {
		case "cpus":
			a.cpus += n
			return
		case "mem":
			a.mem += n
			return
		case "disk":
			a.disk += n
			return
		case "gpus":
			a.gpus += n
			return
		}
	}
	if r.Revocable != nil {
		name += "_revocable"
	}
	x := a.extra(name, r.GetType())
	switch r.GetType() {
	case mesospb.Value_SCALAR:
		x.scalar += milliOf(r.GetScalar().GetValue())
	case mesospb.Value_RANGES:
		for _, one := range r.GetRanges().GetRange() {
			x.ranges = append(x.ranges, pair{one.GetBegin(), one.GetEnd()})
		}
	case mesospb.Value_SET:
		x.items = append(x.items, r.GetSet().GetItem()...)
	}
}

func (a *amounts) extra(name string, kind mesospb.Value_Type) *extra {
	for i := range a.extras {
		if a.extras[i].name == name {
			return &a.extras[i]
		}
	}
	a.extras = append(a.extras, extra{name: name, kind: kind})
	return &a.extras[len(a.extras)-1]
}

// append writes the summary object: four names that are always there, then what else there is.
func (a *amounts) append(b []byte) []byte {
	b = wire.AppendDouble(append(b, `{"disk":`...), a.disk.float())
	b = wire.AppendDouble(append(b, `,"mem":`...), a.mem.float())
	b = wire.AppendDouble(append(b, `,"gpus":`...), a.gpus.float())
	b = wire.AppendDouble(append(b, `,"cpus":`...), a.cpus.float())
	slices.SortStableFunc(a.extras, func(x, y extra) int { return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.name, y.name)) })
	for i := range a.extras {
		x := &a.extras[i]
		b = append(wire.AppendString(append(b, ','), x.name), ':')
		switch x.kind {
		case mesospb.Value_RANGES:
			b = appendRanges(b, x.ranges)
		case mesospb.Value_SET:
			b = appendSet(b, x.items)
		default:
			b = wire.AppendDouble(b, x.scalar.float())
		}
	}
	return append(b, '}')
}

// merge sorts ranges and joins those that touch.
func merge(rs []pair) []pair {
	slices.SortFunc(rs, func(a, b pair) int { return cmp.Compare(a.begin, b.begin) })
	out := rs[:0]
	for _, r := range rs {
		if n := len(out); n > 0 && (r.begin <= out[n-1].end || r.begin == out[n-1].end+1) {
			out[n-1].end = max(out[n-1].end, r.end)
			continue
		}
		out = append(out, r)
	}
	return out
}

func appendRanges(b []byte, rs []pair) []byte {
	b = append(b, `"[`...)
	for i, r := range merge(rs) {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendUint(b, r.begin, 10)
		b = append(b, '-')
		b = strconv.AppendUint(b, r.end, 10)
	}
	return append(b, `]"`...)
}

func appendSet(b []byte, items []string) []byte {
	slices.Sort(items)
	text := "{"
	for i, item := range slices.Compact(items) {
		if i > 0 {
			text += ", "
		}
		text += item
	}
	return wire.AppendString(b, text+"}")
}

// summary writes what lists of resources come to.
func summary(b []byte, lists ...[]*mesospb.Resource) []byte {
	var a amounts
	a.add(lists...)
	return a.append(b)
}

// quantities are amounts by name; only names with an amount are shown.
type quantities map[string]milli

func (q quantities) add(r *mesospb.Resource) {
	switch r.GetType() {
	case mesospb.Value_SCALAR:
		q[r.GetName()] += milliOf(r.GetScalar().GetValue())
	case mesospb.Value_RANGES:
		for _, one := range r.GetRanges().GetRange() {
			q[r.GetName()] += milli(one.GetEnd()-one.GetBegin()+1) * 1000
		}
	case mesospb.Value_SET:
		q[r.GetName()] += milli(len(r.GetSet().GetItem())) * 1000
	}
}

func (q quantities) append(b []byte) []byte {
	names := make([]string, 0, len(q))
	for name, n := range q {
		if n != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = wire.AppendDouble(append(wire.AppendString(b, name), ':'), q[name].float())
	}
	return append(b, '}')
}

package agent

import (
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/values"
	"github.com/meseta-io/meseta/messages/wire"
)

// document is JSON that is being written by hand.
type document struct {
	*web.Buffer
	fresh bool // nothing is in front of which a comma would have to stand
}

func (d *document) next() {
	if !d.fresh {
		d.B = append(d.B, ',')
	}
	d.fresh = false
}

func (d *document) open(c byte) {
	d.next()
	d.B = append(d.B, c)
	d.fresh = true
}

func (d *document) close(c byte) {
	d.B = append(d.B, c)
	d.fresh = false
}

// key begins a member of an object.
func (d *document) key(name string) {
	d.next()
	d.B = append(wire.AppendString(d.B, name), ':')
	d.fresh = true
}

func (d *document) string(name, value string) {
	d.key(name)
	d.text(value)
}

func (d *document) text(value string) {
	d.next()
	d.B = wire.AppendString(d.B, value)
}

func (d *document) number(name string, value float64) {
	d.key(name)
	d.next()
	d.B = wire.AppendDouble(d.B, value)
}

func (d *document) bool(name string, value bool) {
	d.key(name)
	d.next()
	d.B = strconv.AppendBool(d.B, value)
}

func (d *document) message(name string, m proto.Message) {
	d.key(name)
	d.element(m)
}

func (d *document) element(m proto.Message) {
	d.next()
	d.B = wire.AppendJSON(d.B, m)
}

// list writes an array, element by element.
func list[T any](d *document, name string, all []T, each func(T)) {
	d.key(name)
	d.open('[')
	for _, x := range all {
		each(x)
	}
	d.close(']')
}

func (d *document) strings(name string, all []string) { list(d, name, all, d.text) }

// labels are flat in the old endpoints, and absent when there are none.
func (d *document) labels(l *mesospb.Labels) {
	if l == nil {
		return
	}
	list(d, "labels", l.Labels, func(l *mesospb.Label) { d.element(l) })
}

// summary is what an amount of resources comes to: the four usual scalars, and whatever else there is.
func (d *document) summary(name string, rs resources.Resources) {
	d.key(name)
	d.open('{')
	plain := rs.NonRevocable()
	for _, n := range []string{"disk", "mem", "gpus", "cpus"} {
		amount, _ := plain.Scalar(n)
		d.number(n, amount.Float64())
	}
	d.others(plain, "")
	d.others(rs.Revocable(), "_revocable")
	d.close('}')
}

// others are the amounts of other names: scalars first, then ranges, then sets.
func (d *document) others(rs resources.Resources, suffix string) {
	var scalars, ranges, sets []string
	note := func(names *[]string, n string) {
		if !slices.Contains(*names, n) {
			*names = append(*names, n)
		}
	}
	for x := range rs.All() {
		switch n := x.Name(); x.Type() {
		case mesospb.Value_SCALAR:
			if suffix != "" || !slices.Contains([]string{"disk", "mem", "gpus", "cpus"}, n) {
				note(&scalars, n)
			}
		case mesospb.Value_RANGES:
			note(&ranges, n)
		case mesospb.Value_SET:
			note(&sets, n)
		}
	}
	for _, n := range scalars {
		amount, _ := rs.Scalar(n)
		d.number(n+suffix, amount.Float64())
	}
	for _, n := range ranges {
		all, _ := rs.Ranges(n)
		d.string(n+suffix, all.String())
	}
	for _, n := range sets {
		all, _ := rs.Set(n)
		d.string(n+suffix, all.String())
	}
}

// full writes resources as messages in the format of the endpoints.
func (d *document) full(name string, rs resources.Resources) {
	list(d, name, rs.Proto(), func(m *mesospb.Resource) {
		m = proto.CloneOf(m)
		_ = resources.Convert(m, resources.Endpoint) // it can only fail towards the old format
		d.element(m)
	})
}

// attributes are an object of their names.
func (d *document) attributes(all []*mesospb.Attribute) {
	d.key("attributes")
	d.open('{')
	for _, a := range all {
		switch a.GetType() {
		case mesospb.Value_SCALAR:
			d.number(a.GetName(), a.GetScalar().GetValue())
		case mesospb.Value_RANGES:
			if r, err := values.RangesFromProto(a.GetRanges()); err == nil {
				d.string(a.GetName(), r.String())
			}
		case mesospb.Value_SET:
			if s, err := values.SetFromProto(a.GetSet()); err == nil {
				d.string(a.GetName(), s.String())
			}
		case mesospb.Value_TEXT:
			d.string(a.GetName(), a.GetText().GetValue())
		}
	}
	d.close('}')
}

package legacy

import (
	"math"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// The functions here append to an object that has something in it: each begins with the comma and the key.

func str(b []byte, key, v string) []byte { return wire.AppendString(append(b, key...), v) }

func num(b []byte, key string, v float64) []byte { return wire.AppendDouble(append(b, key...), v) }

func whole(b []byte, key string, v int) []byte {
	return strconv.AppendInt(append(b, key...), int64(v), 10)
}

func yes(b []byte, key string, v bool) []byte { return strconv.AppendBool(append(b, key...), v) }

func msg(b []byte, key string, m proto.Message) []byte { return wire.AppendJSON(append(b, key...), m) }

func seconds(t *mesospb.TimeInfo) float64 { return float64(t.GetNanoseconds()) / 1e9 }

// list begins one with a comma behind each element; bare takes the last one away again.
func bare(b []byte) []byte {
	if b[len(b)-1] == ',' {
		return b[:len(b)-1]
	}
	return b
}

func strs(b []byte, key string, list []string) []byte {
	b = append(append(b, key...), '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = wire.AppendString(b, s)
	}
	return append(b, ']')
}

// labels are flat: the message around the list is left out.
func labels(b []byte, key string, l *mesospb.Labels) []byte {
	b = append(append(b, key...), '[')
	for i, one := range l.GetLabels() {
		if i > 0 {
			b = append(b, ',')
		}
		b = str(b, `{"key":`, one.GetKey())
		if one.Value != nil {
			b = str(b, `,"value":`, one.GetValue())
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// enums are the names of a list of capabilities.
func enums[C interface{ GetType() E }, E interface{ String() string }](b []byte, key string, list []C) []byte {
	b = append(append(b, key...), '[')
	for i, c := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = wire.AppendString(b, c.GetType().String())
	}
	return append(b, ']')
}

func attributes(b []byte, list []*mesospb.Attribute) []byte {
	b = append(b, `,"attributes":{`...)
	for i, a := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(wire.AppendString(b, a.GetName()), ':')
		switch a.GetType() {
		case mesospb.Value_SCALAR:
			b = wire.AppendDouble(b, a.GetScalar().GetValue())
		case mesospb.Value_RANGES:
			var rs []pair
			for _, r := range a.GetRanges().GetRange() {
				rs = append(rs, pair{r.GetBegin(), r.GetEnd()})
			}
			b = appendRanges(b, rs)
		case mesospb.Value_SET:
			b = appendSet(b, append([]string(nil), a.GetSet().GetItem()...))
		default:
			b = wire.AppendString(b, a.GetText().GetValue())
		}
	}
	return append(b, '}')
}

// limits are numbers, without a bound if they are infinite.
func limits(b []byte, all map[string]*mesospb.Value_Scalar) []byte {
	b = append(b, `,"limits":{`...)
	for _, name := range sortedKeys(all) {
		b = append(wire.AppendString(b, name), ':')
		if v := all[name].GetValue(); math.IsInf(v, 1) {
			b = append(b, "Infinity"...)
		} else {
			b = wire.AppendDouble(b, v)
		}
		b = append(b, ',')
	}
	return append(bare(b), '}')
}

package resources_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

// A bag is the naive model of resources: every unit on its own. A unit is a thousandth of a scalar, one port, one word
// of a set, one copy of a shared volume or one whole disk; its key says everything that sets it apart. Scalars are
// counted, and so are exclusive disks; ports and words either are there or are not.
type bag map[string]int

// A piece is one random resource, as text and edits, with the units that it is.
type piece struct {
	text  string
	edits []edit
	units bag
	once  bool // units that are there or not: adding them again changes nothing
}

func randomPiece(r *rand.Rand) piece {
	edits, key := randomTraits(r)
	role := []string{"", "(eng)"}[r.IntN(2)]
	switch r.IntN(5) {
	case 0:
		lo := r.IntN(12)
		hi := lo + r.IntN(6)
		p := piece{text: fmt.Sprintf("ports%s:[%d-%d]", role, lo, hi), edits: edits, units: bag{}, once: true}
		for n := lo; n <= hi; n++ {
			p.units[fmt.Sprint("ports", role, key, n)] = 1
		}
		return p
	case 1:
		p := piece{edits: edits, units: bag{}, once: true}
		words := []string{"a", "b", "c", "d"}
		r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		words = words[:1+r.IntN(3)]
		p.text = fmt.Sprintf("zones%s:{%s}", role, joined(words))
		for _, w := range words {
			p.units[fmt.Sprint("zones", role, key, w)] = 1
		}
		return p
	case 2:
		return randomDisk(r)
	default:
		milli := 1 + r.IntN(4000)
		name := []string{"cpus", "mem"}[r.IntN(2)]
		return piece{
			text: fmt.Sprintf("%s%s:%d.%03d", name, role, milli/1000, milli%1000), edits: edits,
			units: bag{fmt.Sprint(name, role, key): milli},
		}
	}
}

func joined(words []string) string {
	s := words[0]
	for _, w := range words[1:] {
		s += "," + w
	}
	return s
}

func randomTraits(r *rand.Rand) (edits []edit, key string) {
	if r.IntN(4) == 0 {
		edits, key = append(edits, revocable), key+"{REV}"
	}
	if r.IntN(4) == 0 {
		edits, key = append(edits, provider("p")), key+"@p"
	}
	if r.IntN(4) == 0 {
		edits, key = append(edits, func(m *mesospb.Resource) {
			m.AllocationInfo = &mesospb.Resource_AllocationInfo{Role: proto.String("eng")}
		}), key+"=eng"
	}
	return edits, key
}

// randomDisk makes an exclusive or shared disk, which is one unit whatever its size.
func randomDisk(r *rand.Rand) piece {
	size, id := 1+r.IntN(3), fmt.Sprint(r.IntN(2))
	text := fmt.Sprintf("disk(eng):%d", size)
	switch r.IntN(3) {
	case 0:
		return piece{text: text, edits: []edit{onMount(id)}, units: bag{fmt.Sprint("mount", id, size): 1}}
	case 1:
		return piece{text: text, edits: []edit{volume(id, "path")}, units: bag{fmt.Sprint("volume", id, size): 1}}
	default:
		return piece{text: text, edits: []edit{volume(id, "path"), shared}, units: bag{fmt.Sprint("shared", id, size): 1}}
	}
}

// A pile is a random collection next to its model.
type pile struct {
	real   resources.Resources
	bag    bag
	once   map[string]bool
	pieces []piece
}

func randomPile(t *testing.T, r *rand.Rand, onceOf map[string]bool) pile {
	p := pile{bag: bag{}, once: onceOf}
	for range r.IntN(7) {
		p.put(t, randomPiece(r))
	}
	return p
}

func (p *pile) put(t *testing.T, x piece) {
	p.pieces = append(p.pieces, x)
	p.real = p.real.Add(with(t, x.text, x.edits...))
	for unit := range x.units {
		if x.once {
			p.once[unit] = true
		}
	}
	p.bag = p.plus(p.bag, x.units)
}

// sample draws up to two of each of p's pieces: mostly a part of p, sometimes a little too much.
func (p *pile) sample(t *testing.T, r *rand.Rand) pile {
	s := pile{bag: bag{}, once: p.once}
	for _, x := range p.pieces {
		for range r.IntN(8) * 2 / 7 {
			s.put(t, x)
		}
	}
	return s
}

func (p pile) plus(a, b bag) bag {
	sum := maps.Clone(a)
	for unit, n := range b {
		if sum[unit] += n; p.once[unit] {
			sum[unit] = 1
		}
	}
	return sum
}

func minus(a, b bag) bag {
	left := bag{}
	for unit, n := range a {
		if n -= b[unit]; n > 0 {
			left[unit] = n
		}
	}
	return left
}

func holds(a, b bag) bool {
	for unit, n := range b {
		if a[unit] < n {
			return false
		}
	}
	return true
}

// TestLaws compares the arithmetic with the model, and then with itself, on random collections.
func TestLaws(t *testing.T) {
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 1))
		once := make(map[string]bool)
		a, b, c := randomPile(t, r, once), randomPile(t, r, once), randomPile(t, r, once)
		part := a.sample(t, r)
		sum, diff := a.real.Add(b.real), a.real.Subtract(b.real)
		for _, law := range []struct {
			says  string
			holds bool
		}{
			{"contains as the model does", a.real.Contains(b.real) == holds(a.bag, b.bag)},
			{"contains parts as the model does", a.real.Contains(part.real) == holds(a.bag, part.bag)},
			{"equals parts as the model does", a.real.Equal(part.real) == maps.Equal(a.bag, part.bag)},
			{"equals as the model does", a.real.Equal(b.real) == maps.Equal(a.bag, b.bag)},
			{"a sum is the model's", maps.Equal(unitsOf(sum), a.plus(a.bag, b.bag))},
			{"a difference is the model's", maps.Equal(unitsOf(diff), minus(a.bag, b.bag))},
			{"a + b = b + a", sum.Equal(b.real.Add(a.real))},
			{"(a + b) + c = a + (b + c)", sum.Add(c.real).Equal(a.real.Add(b.real.Add(c.real)))},
			{"a + b contains a", sum.Contains(a.real)},
			{"a contains a - b", a.real.Contains(diff)},
			{"a - a is empty", a.real.Subtract(a.real).IsEmpty()},
			{"a + 0 = a - 0 = a", a.real.Add(resources.Resources{}).Equal(a.real) && a.real.Subtract(resources.Resources{}).Equal(a.real)},
			{"a contains b: (a - b) + b = a", !a.real.Contains(b.real) || diff.Add(b.real).Equal(a.real)},
			{"a contains b and b contains a: a = b", (a.real.Contains(b.real) && b.real.Contains(a.real)) == a.real.Equal(b.real)},
			{"a contains b contains c: a contains c", !a.real.Contains(b.real) || !b.real.Contains(c.real) || a.real.Contains(c.real)},
			{"a and its message are the same", resources.FromValid(a.real.Proto()).Equal(withoutCopies(a.real))},
			{"a and a in another order are the same", a.real.Equal(shuffled(r, a.real))},
		} {
			if !law.holds {
				t.Fatalf("seed %d: not %s:\na = %s\nb = %s\nc = %s", seed, law.says, a.real, b.real, c.real)
			}
		}
	}
}

// unitsOf takes a collection apart into the units of the model.
func unitsOf(r resources.Resources) bag {
	units := bag{}
	for x := range r.All() {
		key := x.Name()
		if x.IsReserved() {
			key += "(" + x.ReservationRole() + ")"
		}
		if x.IsRevocable() {
			key += "{REV}"
		}
		if id, ok := x.ProviderID(); ok {
			key += "@" + id
		}
		if role, ok := x.AllocationRole(); ok {
			key += "=" + role
		}
		size := int(x.Scalar() / 1000)
		switch {
		case x.IsShared():
			units[fmt.Sprint("shared", x.Disk().GetPersistence().GetId(), size)] += x.Copies()
		case x.IsPersistentVolume():
			units[fmt.Sprint("volume", x.Disk().GetPersistence().GetId(), size)]++
		case x.IsDisk(mesospb.Resource_DiskInfo_Source_MOUNT):
			units[fmt.Sprint("mount", x.Disk().GetSource().GetMount().GetRoot(), size)]++
		case x.Type() == mesospb.Value_SCALAR:
			units[key] += int(x.Scalar())
		}
		for _, p := range x.Ranges() {
			for n := p.Begin; n <= p.End; n++ {
				units[fmt.Sprint(key, n)]++
			}
		}
		for _, w := range x.Set() {
			units[fmt.Sprint(key, w)]++
		}
	}
	return units
}

// withoutCopies is what is left of a collection in a message, which does not count copies.
func withoutCopies(r resources.Resources) resources.Resources {
	var b resources.Builder
	b.Add(r.NonShared())
	for x := range r.Shared().All() {
		one, err := resources.FromProto([]*mesospb.Resource{x.Proto()})
		if err != nil {
			panic(err)
		}
		b.Add(one)
	}
	return b.Resources()
}

func shuffled(r *rand.Rand, in resources.Resources) resources.Resources {
	items := slices.Collect(in.All())
	r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	return resources.Of(items...)
}

package operator

import (
	"iter"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/actors/gateway/press"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/wire"
)

// shelves have the pieces of the last answers in one format, by the name of their list.
type shelves map[protoreflect.Name]*press.Shelf

func newShelves() shelves {
	s := shelves{}
	for _, list := range []protoreflect.Name{"tasks", "unreachable_tasks", "completed_tasks", "executors", "frameworks", "completed_frameworks",
		"agents", "recovered_agents"} {
		s[list] = press.NewShelf()
	}
	return s
}

// composer puts one answer together.
type composer struct {
	format  wire.Format
	shelves shelves
	hands   []*press.Hand
}

func (d *door) compose(f wire.Format) *composer { return &composer{format: f, shelves: d.shelves[f]} }

// weigh lets go of pieces that are too large to be kept, when the answer is out.
func (c *composer) weigh() {
	for _, h := range c.hands {
		h.Weigh()
	}
}

// listed is a map of a view.
type listed[M proto.Message] interface {
	Whole() bool
	Places() int
	Range(from, to int) iter.Seq2[string, M]
	Pieces(from, to, most int) []master.Piece[M]
}

// How many elements are encoded in one go: enough that handing them over costs nothing, few enough that nobody waits long,
// and that a change of one of them does not make many be encoded again.
const (
	stretch = 128
	limited = 1024 // where nothing is kept
)

// all is a repeated field with what is in a map, as far as it can be seen. Only of what everybody sees pieces are kept.
func all[M proto.Message](c *composer, of proto.Message, name protoreflect.Name, t listed[M]) *node {
	n := &node{field: fieldOf(of, name), repeated: true}
	if !t.Whole() {
		for from := 0; from < t.Places(); from += limited {
			n.pieces = append(n.pieces, press.Make(job(c, n.field, t.Range(from, from+limited))))
		}
		return n
	}
	hand := c.shelves[name].Take()
	for _, p := range t.Pieces(0, t.Places(), stretch) {
		n.pieces = append(n.pieces, hand.Text(p.Identity(), job(c, n.field, p.All())))
	}
	hand.Keep()
	c.hands = append(c.hands, hand)
	return n
}

// job encodes elements.
func job[M proto.Message](c *composer, field protoreflect.FieldDescriptor, all iter.Seq2[string, M]) press.Job {
	return func(dst []byte) []byte {
		for _, m := range all {
			dst = element(dst, field, c.format, m)
		}
		return dst
	}
}

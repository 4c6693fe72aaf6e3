package legacy

import (
	"iter"
	"slices"

	"github.com/meseta-io/meseta/actors/gateway/press"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// listed is a map of a view.
type listed[M any] interface {
	Whole() bool
	Range(from, to int) iter.Seq2[string, M]
	Pieces(from, to, most int) []master.Piece[M]
}

type tasks = listed[*mesospb.Task]

// shelves have the pieces of the last answers.
type shelves struct{ agents, full, tasks *press.Shelf }

func newShelves() shelves { return shelves{press.NewShelf(), press.NewShelf(), press.NewShelf()} }

// document is a large answer: jobs that write one piece each. An element of a list is written with a comma behind it, and
// the last one is taken away when the pieces are strung together, because only then is it known which the last one is.
type document struct {
	view      *master.View
	jobs      []press.Job
	kept      []*press.Text // in place of a job: what is kept for the next answer; nil for the others
	hands     map[*press.Shelf]*press.Hand
	partial   bool                                                  // others will want more than this answer has
	executors map[string][]*masterpb.Response_GetExecutors_Executor // by framework
}

func newDocument(v *master.View) *document {
	return &document{view: v, hands: map[*press.Shelf]*press.Hand{}}
}

func (d *document) add(j press.Job) {
	d.jobs, d.kept = append(d.jobs, j), append(d.kept, nil)
}

func (d *document) text(s string) { d.add(func(b []byte) []byte { return append(b, s...) }) }

// The largest branch of a map that is one piece: small, so that a change of one entry does not make many be written again.
const branch = 128

// spread adds pieces of a stretch of a map. They are kept for the next answer if everybody sees them, and there is a shelf;
// else they have so many entries each.
func spread[M any](d *document, t listed[M], s master.Span, shelf *press.Shelf, inOneGo int, one func(b []byte, id string, m M) []byte) {
	write := func(all iter.Seq2[string, M]) press.Job {
		return func(b []byte) []byte {
			for id, m := range all {
				b = append(one(b, id, m), ',')
			}
			return b
		}
	}
	if shelf == nil || !t.Whole() {
		for from := s.From; from < s.To; from += inOneGo {
			d.add(write(t.Range(from, min(from+inOneGo, s.To))))
		}
		return
	}
	if d.hands[shelf] == nil {
		d.hands[shelf] = shelf.Take()
	}
	for _, p := range t.Pieces(s.From, s.To, branch) {
		d.jobs, d.kept = append(d.jobs, nil), append(d.kept, d.hands[shelf].Text(p.Identity(), write(p.All())))
	}
}

// withExecutors finds the executors of each framework.
func (d *document) withExecutors() {
	d.executors = map[string][]*masterpb.Response_GetExecutors_Executor{}
	for _, e := range d.view.Executors.All() {
		id := e.GetExecutorInfo().GetFrameworkId().GetValue()
		d.executors[id] = append(d.executors[id], e)
	}
}

// agentsInOneGo is how many agents are written at a time.
const agentsInOneGo = 128

// agents add the agents, each opened and closed by the caller's function, whose texts are kept on a shelf, if there is one.
func (d *document) agents(shelf *press.Shelf, one func(b []byte, id string, a *masterpb.Response_GetAgents_Agent) []byte, only string) {
	if only != "" {
		d.add(func(b []byte) []byte {
			if a, ok := d.view.Agents.Get(only); ok {
				b = append(one(b, only, a), ',')
			}
			return b
		})
		return
	}
	spread(d, d.view.Agents, master.Span{To: d.view.Agents.Places()}, shelf, agentsInOneGo, one)
}

// recovered adds the agents that have yet to come back.
func (d *document) recovered(only string) {
	d.add(func(b []byte) []byte {
		for id, a := range d.view.Recovered.All() {
			if only == "" || id == only {
				b = append(agentInfo(b, a), "},"...)
			}
		}
		return b
	})
}

// frameworks adds those that are here, and then those that are over.
func (d *document) frameworks(shelf *press.Shelf, only *string) {
	d.withExecutors()
	d.partial = d.partial || only != nil
	d.text(`"frameworks":[`)
	for id, f := range d.view.Frameworks.All() {
		if only == nil || *only == id {
			d.framework(shelf, f)
		}
	}
	d.text(`],"completed_frameworks":[`)
	for _, f := range d.view.Past.All() {
		if only == nil || *only == f.GetFrameworkInfo().GetId().GetValue() {
			d.framework(shelf, f)
		}
	}
}

// send has the jobs done and the pieces sent: with their length if some are kept, and as they come if none is.
func (d *document) send(w *web.Writer, r *web.Request) {
	if len(d.hands) == 0 {
		d.stream(w, r)
		return
	}
	for _, h := range d.hands {
		if !d.partial {
			h.Keep()
		}
	}
	w.Script(r, d.texts())
	for _, h := range d.hands {
		if !d.partial {
			h.Weigh()
		}
	}
}

// texts has the pieces made and the last commas taken away.
func (d *document) texts() []*press.Text {
	all := make([]*press.Text, 0, len(d.jobs))
	for i, t := range d.kept {
		if t == nil {
			t = press.Make(d.jobs[i])
		}
		all = append(all, t)
	}
	press.Ready(all, false)
	all = slices.DeleteFunc(all, func(t *press.Text) bool { return len(t.Bytes()) == 0 })
	for i := range len(all) - 1 {
		this, next := all[i].Bytes(), all[i+1].Bytes()
		if this[len(this)-1] == ',' && (next[0] == ']' || next[0] == '}') {
			all[i] = press.Of(this[:len(this)-1])
		}
	}
	return all
}

func (d *document) stream(w *web.Writer, r *web.Request) {
	w.JSON(r, func(out *web.Buffer) {
		comma := false
		press.Stream(d.jobs, func(piece []byte) bool {
			if len(piece) == 0 {
				return true
			}
			if comma && piece[0] != ']' && piece[0] != '}' {
				out.B = append(out.B, ',')
			}
			if comma = piece[len(piece)-1] == ','; comma {
				piece = piece[:len(piece)-1]
			}
			out.B = append(out.B, piece...)
			return out.Flush()
		})
	})
}

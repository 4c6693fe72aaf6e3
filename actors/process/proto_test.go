package process

import (
	"slices"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type hearer struct{ heard chan string }

func (h *hearer) Initialize(b *Base) {
	Install(b, func(_ UPID, m *wrapperspb.StringValue) { h.heard <- m.Value })
}

// batchMessage is what Proto.Actor's own mailbox delivers both unpacked and packed.
type batchMessage struct{ *wrapperspb.StringValue }

func (batchMessage) GetMessages() []any { return []any{wrapperspb.String("unpacked")} }

// TestProtoActor reaches a process the way a plain Proto.Actor actor does, by its PID.
func TestProtoActor(t *testing.T) {
	r, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Shutdown(t.Context())
	h := &hearer{heard: make(chan string, 10)}
	ref, err := Spawn(r, "h", h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Call(ref, func(*hearer) (int, error) { return 0, nil }).Get(t.Context()); err != nil {
		t.Fatal(err) // from when it first runs it is Proto.Actor's
	}
	pid := actor.NewPID("nonhost", r.cast.prefix+"h")
	root := theatre().Root

	root.Send(pid, wrapperspb.String("plain"))
	root.Send(pid, batchMessage{wrapperspb.String("packed")}) // pitfall 16: of no known type, and not unpacked
	root.Send(pid, 42)                                        // no protobuf at all
	root.Send(pid, wrapperspb.String("last"))
	got := []string{<-h.heard, <-h.heard}
	if want := []string{"plain", "last"}; !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
	root.Poison(pid)
	if err := Wait(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if _, ok := theatre().ProcessRegistry.GetLocal(pid.Id); ok {
		t.Error("Proto.Actor still knows the process")
	}
}

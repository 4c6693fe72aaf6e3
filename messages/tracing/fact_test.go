package tracing_test

import (
	"testing"
	"time"

	"github.com/meseta-io/meseta/messages/tracing"
)

// What a master and an agent say of one task fits together, though they have told each other nothing.
func TestStepsFindTheirParents(t *testing.T) {
	at := time.Unix(1, 0)
	fact := func(step tracing.Step, update string) *tracing.Fact {
		return &tracing.Fact{Framework: "f", Task: "t", Step: step, Update: update, From: at, To: at}
	}
	if _, has := fact(tracing.Task, "").Parent(); has {
		t.Error("the root has a parent")
	}
	for _, c := range []struct{ child, parent *tracing.Fact }{
		{fact(tracing.Offer, ""), fact(tracing.Task, "")},
		{fact(tracing.Accept, ""), fact(tracing.Task, "")},
		{fact(tracing.Agent, ""), fact(tracing.Task, "")},
		{fact(tracing.Checkpoint, ""), fact(tracing.Agent, "")},
		{fact(tracing.Launch, ""), fact(tracing.Agent, "")},
		{fact(tracing.Register, ""), fact(tracing.Agent, "")},
		{fact(tracing.Execute, ""), fact(tracing.Agent, "")},
		{fact(tracing.Update, "u"), fact(tracing.Agent, "")},
		{fact(tracing.Forward, "u"), fact(tracing.Update, "u")},
		{fact(tracing.Acknowledge, "u"), fact(tracing.Update, "u")},
	} {
		later := *c.parent
		later.From = at.Add(time.Hour) // children do not know when it began
		if p, has := c.child.Parent(); !has || p != later.Span() {
			t.Errorf("%v is no part of %v", c.child.Step, c.parent.Step)
		}
		if c.child.Span() == c.parent.Span() || c.child.Trace() != c.parent.Trace() {
			t.Errorf("%v and %v: one name, or two trees", c.child.Step, c.parent.Step)
		}
	}
}

// Other tasks, other updates and other times have names of their own; words that are cut elsewhere are not the same words.
func TestNamesDiffer(t *testing.T) {
	base := tracing.Fact{Framework: "f", Task: "t1", Step: tracing.Forward, Update: "u", From: time.Unix(1, 0)}
	for what, change := range map[string]func(*tracing.Fact){
		"update":  func(f *tracing.Fact) { f.Update = "v" },
		"time":    func(f *tracing.Fact) { f.From = time.Unix(2, 0) },
		"step":    func(f *tracing.Fact) { f.Step = tracing.Acknowledge },
		"task":    func(f *tracing.Fact) { f.Task = "t2" },
		"the cut": func(f *tracing.Fact) { f.Framework, f.Task = "ft", "1" },
	} {
		other := base
		change(&other)
		if other.Span() == base.Span() {
			t.Errorf("%s: the same name", what)
		}
		if same := other.Trace() == base.Trace(); same != (other.Framework == base.Framework && other.Task == base.Task) {
			t.Errorf("%s: the same tree: %v", what, same)
		}
	}
}

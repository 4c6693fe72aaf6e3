package drf

import "testing"

// A run over clients that refuse allocates nothing, however many are asked.
func TestRefusalsAllocateNothing(t *testing.T) {
	e := benchEngine()
	for i := range 200 {
		f := inRole(i, "*")
		f.Roles["*"] = unfulfillable
		e.AddFramework(f)
	}
	for i := range 1000 {
		e.AddAgent(machine(i, 8, 4096, 4096))
	}
	e.templateOver = 1 << 30 // ask every client about every agent
	again := func() {
		for slot := range e.agents {
			clear(e.refused.row(int32(slot)))
			e.touch(int32(slot))
		}
		e.Request()
		e.allocate()
	}
	again()
	if n := testing.AllocsPerRun(5, again); n > 0 || e.visited != 1000 {
		t.Fatalf("%v allocations for %d visits of 200 clients", n, e.visited)
	}
}

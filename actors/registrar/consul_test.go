package registrar_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/tools/consuls"
)

// term is one master's registrar on some store.
type term struct {
	rt     *process.Runtime
	client registrar.Client
	held   cluster.Term
}

// newTerm contends, recovers, and returns a registrar that serves.
func newTerm(t testing.TB, contender cluster.Contender, store cluster.Registry) *term {
	t.Helper()
	rt, err := process.New(process.Config{})
	if err != nil {
		t.Fatal(err)
	}
	n := &term{rt: rt}
	t.Cleanup(func() {
		if err := rt.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if n.client, err = registrar.Spawn(rt, registrar.Config{FetchTimeout: time.Minute, StoreTimeout: time.Minute}, store); err != nil {
		t.Fatal(err)
	}
	won := make(chan error, 1)
	contender.Contend(info, func(held cluster.Term, err error) { n.held = held; won <- err })
	select {
	case err = <-won:
	case <-time.After(time.Minute):
		t.Fatal("no term")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.client.Recover(nil, n.held, info).Get(context.Background()); err != nil {
		t.Fatal(err)
	}
	return n
}

// server is one Consul server for the tests and benchmarks of this package.
func server(t testing.TB) consul.Config {
	t.Helper()
	s, err := consuls.Start(t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c := consul.Default()
	c.Servers = s.Addresses
	return c
}

func open(t testing.TB, c consul.Config) *consul.Cluster {
	t.Helper()
	cl, err := consul.Open(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cl.Close() }) // a server that is gone has nothing to give back to
	return cl
}

// An agent's record as a register: admitted by one, missed, returned, gone for ever.
type where string

const (
	nowhere     where = ""
	admitted    where = "admitted"
	unreachable where = "unreachable"
	gone        where = "gone"
)

type step struct {
	agent string
	op    string
}

// agents is the specification: what each operation does to an agent, and whether it is refused.
var agents = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		by := map[string][]porcupine.Operation{}
		var names []string
		for _, o := range history {
			name := o.Input.(step).agent
			if by[name] == nil {
				names = append(names, name)
			}
			by[name] = append(by[name], o)
		}
		for _, name := range names {
			parts = append(parts, by[name])
		}
		return parts
	},
	Init: func() any { return nowhere },
	Step: func(state, input, output any) (bool, any) {
		now, next, ok := state.(where), state.(where), true
		switch input.(step).op {
		case "admit":
			if ok = now == nowhere; ok {
				next = admitted
			}
		case "miss":
			if ok = now == admitted; ok {
				next = unreachable
			}
		case "return":
			if ok = now != gone; ok {
				next = admitted
			}
		case "end":
			if ok = now == admitted || now == unreachable; ok {
				next = gone
			}
		case "read":
			return output.(string) == "?" || where(output.(string)) == now, now
		}
		switch output.(string) {
		case "?": // nobody was told, so either is fine
			return true, next
		case "done":
			return ok, next
		}
		return !ok, now
	},
	Equal: func(a, b any) bool { return a == b },
}

var steps = map[string]func(id string) registrar.Operation{
	"admit":  func(id string) registrar.Operation { return registrar.Admit(agent(id)) },
	"miss":   func(id string) registrar.Operation { return registrar.MarkUnreachable(id, now) },
	"return": func(id string) registrar.Operation { return registrar.MarkReachable(agent(id)) },
	"end":    func(id string) registrar.Operation { return registrar.MarkGone(id, now) },
}

func find(r *registrar.Registry, id string) where {
	switch {
	case r.Admitted[id] != nil:
		return admitted
	case r.Unreachable[id] != nil:
		return unreachable
	case r.Gone[id] != nil:
		return gone
	}
	return nowhere
}

// linearizable lets several clients work on few agents through the terms that next begins, and checks that some order
// of the operations explains every answer, and what the last term finds.
func linearizable(t *testing.T, seed uint64, lives int, next func() *term) {
	t.Helper()
	const clients, each = 4, 12
	var mu sync.Mutex
	var history []porcupine.Operation
	begun := time.Now()
	stamp := func() int64 { return time.Since(begun).Nanoseconds() }
	record := func(o porcupine.Operation) {
		mu.Lock()
		defer mu.Unlock()
		history = append(history, o)
	}
	names := []string{"agent-1", "agent-2", "agent-3"}
	verbs := []string{"admit", "miss", "return", "admit", "miss", "return", "end"}
	for life := range lives {
		n := next()
		var work sync.WaitGroup
		for client := range clients {
			work.Go(func() {
				chance := rand.New(rand.NewPCG(seed, uint64(life*clients+client)))
				for range each {
					s := step{names[chance.IntN(len(names))], verbs[chance.IntN(len(verbs))]}
					o := porcupine.Operation{ClientId: client, Input: s, Call: stamp(), Output: "done"}
					_, err := n.client.Apply(nil, steps[s.op](s.agent)).Get(context.Background())
					o.Return = stamp()
					switch {
					case err != nil && isStore(err):
						o.Output, o.Return = "?", 1<<62
					case err != nil:
						o.Output = "refused"
					}
					record(o)
					if o.Output == "?" {
						return // this master is over; what is asked of it is not asked at all
					}
				}
			})
		}
		work.Wait()
	}
	call := stamp()
	last := next()
	r, err := last.client.Registry().Get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		record(porcupine.Operation{ClientId: clients, Input: step{name, "read"}, Call: call, Output: string(find(r, name)), Return: stamp()})
	}
	if result := porcupine.CheckOperationsTimeout(agents, history, time.Minute); result != porcupine.Ok {
		t.Fatalf("seed %d: the answers are %s:\n%s", seed, result, told(history))
	}
}

func told(history []porcupine.Operation) (text string) {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	for _, o := range history {
		text += fmt.Sprintf("%d %v → %v (%d to %d)\n", o.ClientId, o.Input, o.Output, o.Call, o.Return)
	}
	return text
}

package registrar_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/memory"
)

func isStore(err error) bool { return errors.Is(err, registrar.ErrStore) }

// shaky is a store whose answers are lost at random, after the write or before it.
type shaky struct {
	*memory.Cluster
	mu     sync.Mutex
	chance *rand.Rand
}

func (s *shaky) Apply(ctx context.Context, t cluster.Term, changes []cluster.Change) error {
	s.mu.Lock()
	dice := s.chance.IntN(8)
	s.mu.Unlock()
	switch dice {
	case 0:
		return cluster.ErrUnknownOutcome
	case 1:
		if err := s.Cluster.Apply(ctx, t, changes); err != nil {
			return err
		}
		return cluster.ErrUnknownOutcome
	case 2:
		if s.chance != nil && len(changes) > 2 {
			// The process ends in the middle of a batch: nobody is told whether it was written.
			if err := s.Cluster.Apply(ctx, t, changes); err != nil {
				return err
			}
			return errors.New("the process ends")
		}
	}
	return s.Cluster.Apply(ctx, t, changes)
}

func TestLinearizable(t *testing.T) {
	for seed := range uint64(8) {
		store := memory.New()
		linearizable(t, seed, 4, func() *term {
			store.Depose(errors.New("the process ended"))
			return newTerm(t, store, &shaky{Cluster: store, chance: rand.New(rand.NewPCG(seed, 1))})
		})
	}
}

func TestLinearizableOnConsul(t *testing.T) {
	c := server(t)
	for seed := range uint64(3) {
		c.Prefix = "linear-" + string(rune('a'+seed))
		var before *term
		linearizable(t, seed, 3, func() *term {
			if before != nil {
				if err := before.held.Resign(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			cl := open(t, c)
			before = newTerm(t, cl, cl)
			return before
		})
	}
}

// The checker sees an answer that no order explains.
func TestLinearizableCanFail(t *testing.T) {
	done := func(s step, call, back int64) porcupine.Operation {
		return porcupine.Operation{Input: s, Output: "done", Call: call, Return: back}
	}
	fine := []porcupine.Operation{done(step{"a", "admit"}, 0, 3), done(step{"a", "miss"}, 1, 2)}
	if !porcupine.CheckOperations(agents, fine) {
		t.Error("two that overlap have an order")
	}
	lost := []porcupine.Operation{done(step{"a", "admit"}, 0, 1), done(step{"a", "end"}, 2, 3), {Input: step{"a", "read"}, Output: "admitted", Call: 4, Return: 5}}
	if porcupine.CheckOperations(agents, lost) {
		t.Error("a gone agent came back unnoticed")
	}
}

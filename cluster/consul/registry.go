package consul

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
)

// registry is the part of a term that reads and writes records. It blocks in the goroutines of its callers, one at
// a time.

// Load implements cluster.Registry.
func (c *Cluster) Load(ctx context.Context, t cluster.Term) ([]cluster.Entry, error) {
	term, err := c.holder(ctx, t)
	if err != nil {
		return nil, err
	}
	term.write.Lock()
	defer term.write.Unlock()
	for range 3 {
		entries, whole, err := term.load(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the registry: %w", err)
		}
		if whole {
			return entries, nil
		}
	}
	return nil, fmt.Errorf("reading the registry: it changes though only this master may write it: %w", fault.ErrUnavailable)
}

// holder checks that a term is one of ours that may act.
func (c *Cluster) holder(ctx context.Context, t cluster.Term) (*Term, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	term, ok := t.(*Term)
	switch {
	case closed:
		return nil, cluster.ErrClosed
	case !ok || term == nil || term.candidate.c != c || !term.Valid():
		return nil, cluster.ErrFenced
	}
	return term, nil
}

// load reads the names first, and then the records in pages, each in a transaction that checks the session. whole is
// false if names and records do not match.
func (t *Term) load(ctx context.Context) (entries []cluster.Entry, whole bool, err error) {
	c := t.candidate.c
	prefix := c.registryPrefix()
	names, err := t.wait(ctx, Keys{Prefix: prefix}, loadTimeout)
	if err != nil {
		return nil, false, unread(err)
	}
	for _, page := range pages(names.Keys, prefix, pageKeys) {
		r, err := t.wait(ctx, Txn{Ops: []Op{t.check(), {Verb: GetTree, Key: page}}}, loadTimeout)
		if err != nil {
			return nil, false, unread(err)
		}
		if len(r.Refused) > 0 {
			return nil, false, t.refused(r.Refused)
		}
		for _, p := range r.Pairs {
			name, ok := strings.CutPrefix(p.Key, prefix)
			if !ok {
				continue // the lock, from the check
			}
			key, err := unescape(name)
			if err != nil {
				return nil, false, fmt.Errorf("registry key %q: %w", p.Key, err)
			}
			entries = append(entries, cluster.Entry{Key: key, Value: append([]byte{}, p.Value...)})
		}
	}
	slices.SortFunc(entries, func(a, b cluster.Entry) int { return strings.Compare(a.Key, b.Key) })
	return entries, len(entries) == len(names.Keys) && distinct(entries), nil
}

func distinct(entries []cluster.Entry) bool {
	for i := 1; i < len(entries); i++ {
		if entries[i].Key == entries[i-1].Key {
			return false
		}
	}
	return true
}

// Apply implements cluster.Registry: one transaction that makes the changes if this term's session still holds the
// lock, and if the registry is as this term left it.
func (c *Cluster) Apply(ctx context.Context, t cluster.Term, changes []cluster.Change) error {
	if err := cluster.CheckChanges(changes); err != nil {
		return err
	}
	term, err := c.holder(ctx, t)
	if err != nil {
		return err
	}
	term.write.Lock()
	defer term.write.Unlock()
	if len(changes) == 0 {
		return nil
	}
	if err := term.apply(ctx, changes); err != nil {
		return fmt.Errorf("writing the registry: %w", err)
	}
	return nil
}

func (t *Term) apply(ctx context.Context, changes []cluster.Change) error {
	// The second try is for a write of before that was in doubt, and arrived after its fate was asked.
	for range 2 {
		if t.doubt {
			if err := t.settle(ctx); err != nil {
				return err
			}
		}
		r, err := t.wait(ctx, t.transaction(changes), writeTimeout)
		if err != nil {
			err = unwritten(err)
			t.doubt = t.doubt || errors.Is(err, cluster.ErrUnknownOutcome)
			return err
		}
		if len(r.Refused) == 0 {
			return t.applied(r, t.mark.next())
		}
		if r.Refused[0].Op != 1 || denied(refusal(r.Refused[0])) {
			return t.refused(r.Refused)
		}
		t.doubt = true // the revision is not where it was left: by whom?
	}
	return fmt.Errorf("writes that were given up keep arriving: %w", cluster.ErrUnknownOutcome)
}

func (t *Term) transaction(changes []cluster.Change) Txn {
	c := t.candidate.c
	ops := make([]Op, 0, 2+len(changes))
	ops = append(ops, t.check(), t.move(t.mark.next()))
	for _, change := range changes {
		op := Op{Verb: Set, Key: c.registryPrefix() + escape(change.Key), Value: change.Value}
		if change.Value == nil {
			op.Verb = Delete
		}
		ops = append(ops, op)
	}
	return Txn{Ops: ops}
}

// next is the mark after one more write.
func (m Mark) next() Mark {
	m.Sequence++
	return m
}

// move takes the revision from where this term left it to a mark.
func (t *Term) move(to Mark) Op {
	return Op{Verb: CAS, Key: t.candidate.c.revisionKey(), Value: revisionRecord{Version: version, Mark: to}.encode(), Index: t.revision}
}

func (t *Term) check() Op {
	return Op{Verb: CheckSession, Key: t.candidate.c.leaderKey(), Session: t.candidate.session}
}

// applied takes the answer to a write.
func (t *Term) applied(r Reply, mark Mark) error {
	if len(r.Pairs) < 2 || r.Pairs[1].Key != t.candidate.c.revisionKey() {
		t.doubt = true
		return fmt.Errorf("Consul answered a write with %d results: %w", len(r.Pairs), cluster.ErrUnknownOutcome)
	}
	t.moved(r.Pairs[1].ModifyIndex, mark)
	return nil
}

// moved notes where the revision is.
func (t *Term) moved(revision uint64, mark Mark) {
	t.revision, t.mark, t.doubt = revision, mark, false
	t.candidate.c.turn(func() { t.candidate.c.see(mark) })
}

// Raise makes every later term's epoch larger than this one, for a registry that comes from a cluster which had got so
// far.
func (c *Cluster) Raise(ctx context.Context, t cluster.Term, epoch uint64) error {
	term, err := c.holder(ctx, t)
	if err != nil {
		return err
	}
	term.write.Lock()
	defer term.write.Unlock()
	if term.doubt {
		if err := term.settle(ctx); err != nil {
			return err
		}
	}
	mark := term.mark.next()
	mark.Epoch = max(mark.Epoch, epoch)
	r, err := term.wait(ctx, Txn{Ops: []Op{term.check(), term.move(mark)}}, writeTimeout)
	if err != nil {
		err = unwritten(err)
		term.doubt = term.doubt || errors.Is(err, cluster.ErrUnknownOutcome)
		return fmt.Errorf("raising the epoch: %w", err)
	}
	if len(r.Refused) > 0 {
		return fmt.Errorf("raising the epoch: %w", term.refused(r.Refused))
	}
	return term.applied(r, mark)
}

// settle finds out whether the write in doubt was made. Either is fine; anything else is not the registry that this
// term has written.
func (t *Term) settle(ctx context.Context) error {
	c := t.candidate.c
	r, err := t.wait(ctx, Txn{Ops: append([]Op{t.check()}, c.look().Ops...)}, requestTimeout)
	if err != nil {
		return unread(err)
	}
	if len(r.Refused) > 0 {
		return t.refused(r.Refused)
	}
	s, err := c.state(r)
	if err != nil {
		return err
	}
	now, made := s.mark.Mark, t.mark.next()
	made.Epoch = max(made.Epoch, now.Epoch) // Raise moves it too
	switch {
	case now == t.mark && s.revision.ModifyIndex == t.revision:
		t.doubt = false // as far as is known; one that arrives later moves the revision
		return nil
	case now == made:
		t.moved(s.revision.ModifyIndex, made)
		return nil
	}
	return t.over(fmt.Errorf("%w: %w", c.wentBack(fmt.Sprintf("it is at epoch %d, write %d of", now.Epoch, now.Sequence), t.mark), cluster.ErrFenced))
}

// refused ends a term whose write or read failed the check of the session.
func (t *Term) refused(why []Refusal) error {
	err := refusal(why[0])
	if why[0].Op != 0 || denied(err) {
		return err
	}
	return t.over(fmt.Errorf("%w: %w", err, cluster.ErrFenced))
}

// over ends the term, and returns why.
func (t *Term) over(err error) error {
	t.candidate.c.turn(func() {
		if !t.candidate.over {
			t.candidate.depose(err)
		}
	})
	return err
}

// wait asks one server, and the next one the next time if it does not answer.
func (t *Term) wait(ctx context.Context, r Request, timeout time.Duration) (Reply, error) {
	server := t.servers.server()
	reply, err := t.candidate.c.wire.Wait(ctx, server, r, timeout)
	if err != nil {
		t.servers.next()
		return reply, err
	}
	t.servers.fine()
	return reply, nil
}

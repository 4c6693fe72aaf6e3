package registrar

import "github.com/meseta-io/meseta/cluster"

// A store makes a limited number of changes at once (cluster.MaxChanges, cluster.MaxWeight). What one operation
// changes is made at once if it fits. A larger one (the maintenance of a thousand machines) says by cut where it may
// be divided, and is then made in order, piece by piece: each machine, role or agent as a whole. It is answered
// after the last piece; who hears no answer finds it made in part at most, and asks for it again.

// cut marks that what an operation has changed so far may be written without what it changes next.
func (e *Edit) cut() { e.cuts = append(e.cuts, len(e.changes)) }

// full reports whether nothing is to be added any more. What is heavy is left to a transaction of its own.
func (e *Edit) full() bool {
	return e.err != nil || len(e.changes) >= cluster.MaxChanges || e.weight >= cluster.MaxWeight*3/4
}

// perform lets an operation edit, all of it or nothing: one whose records no store would take is refused, because the
// attempt would be the end of the master.
func (e *Edit) perform(op Operation) error {
	changes, cuts, weight := len(e.changes), len(e.cuts), e.weight
	e.undo = e.undo[:0]
	err := op(e)
	if err == nil && e.err == nil {
		err = e.fit(changes, cuts)
	}
	if err != nil {
		for i := len(e.undo) - 1; i >= 0; i-- {
			e.undo[i]()
		}
		e.changes, e.cuts, e.weight = e.changes[:changes], e.cuts[:cuts], weight
	}
	return err
}

// fit checks what an operation changed, and forgets its cuts if it needs none.
func (e *Edit) fit(changes, cuts int) error {
	err := cluster.CheckChanges(e.changes[changes:])
	if err == nil {
		e.cuts = append(e.cuts[:cuts], len(e.changes))
		return nil
	}
	if len(e.cuts) == cuts {
		return err
	}
	e.cut()
	from := changes
	for _, to := range e.cuts[cuts:] {
		if err := cluster.CheckChanges(e.changes[from:to]); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// transactions divides the changes at cuts, into as few pieces as the limits allow.
func (e *Edit) transactions() (all [][]cluster.Change) {
	begin, end := 0, 0
	for _, to := range append(e.cuts, len(e.changes)) {
		if to > end && end > begin && cluster.CheckChanges(e.changes[begin:to]) != nil {
			all = append(all, e.changes[begin:end])
			begin = end
		}
		end = to
	}
	return append(all, e.changes[begin:end])
}

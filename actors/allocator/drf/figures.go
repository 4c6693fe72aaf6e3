package drf

// Figures are what a dashboard wants to know. Amounts are in thousandths by name.
type Figures struct {
	Runs    uint64
	Total   map[string]int64
	Used    map[string]int64 // offered or used
	Roles   map[string]RoleFigures
	Filters int
	Visited int // agents that the last run looked at
}

// RoleFigures are those of one role.
type RoleFigures struct {
	Share            float64 // dominant, of the role and those below it, before weights; of roles with frameworks
	Filters          int
	Guarantee, Limit map[string]int64
	Consumed         map[string]int64 // reservations, and what is offered or used unreserved; for roles with quota
	Used             map[string]int64 // offered or used
}

// Figures reads the books.
func (e *Engine) Figures() Figures {
	f := Figures{Runs: e.runs, Total: e.names.table(&e.total), Used: e.names.table(&e.tree.nodes[0].used),
		Roles: map[string]RoleFigures{}, Visited: e.visited}
	for id := range e.roles {
		r := &e.roles[id]
		n, inTree := e.tree.index[r.name]
		if r.name == "" || !inTree && !r.quota.set {
			continue
		}
		var x RoleFigures
		if inTree {
			own := e.tree.nodes[n].entry
			own.weight = 1
			x.Share = own.rank(&e.fair).share
			x.Used = e.names.table(&own.used)
		}
		for _, c := range r.clients {
			x.Filters += int(e.clients[c].filters)
		}
		f.Filters += x.Filters
		if r.quota.set {
			consumed := r.used
			consumed.add(&r.reservations)
			x.Guarantee, x.Limit, x.Consumed = e.names.table(&r.quota.guarantee), e.names.table(&r.quota.limit), e.names.table(&consumed)
		}
		f.Roles[r.name] = x
	}
	return f
}

// Roles lists the roles that have frameworks, in fair order: the one that is served first comes first.
func (e *Engine) Roles() []string {
	var out []string
	var walk func(n int32)
	walk = func(n int32) {
		for _, c := range e.tree.children(n) {
			if id := e.tree.nodes[c].role; id >= 0 {
				out = append(out, e.roles[id].name)
			} else {
				walk(c)
			}
		}
	}
	e.tree.settleAll()
	walk(0)
	return out
}

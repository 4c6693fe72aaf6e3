package drf

import "strings"

// tree is the order of roles: a node for each component of a role that has frameworks, children in rank order. A role
// that has both frameworks and sub-roles owns a virtual leaf ".", so that its own frameworks compete with its
// sub-roles. All leaves are active; a role whose frameworks are all silent simply yields no client.
type tree struct {
	nodes   []node
	free    []int32
	index   map[string]int32 // path → node, virtual leaves apart
	weights map[string]float64
	total   *Amounts
	epoch   *uint64
	moved   func(role, leaf int32) // a role's leaf has a new node
	touched []int32                // leaves whose place is overdue
}

type node struct {
	entry
	path     string
	parent   int32
	depth    int32
	role     int32 // for a leaf, else -1
	children order
}

func newTree(total *Amounts, epoch *uint64, moved func(role, leaf int32)) *tree {
	t := &tree{index: map[string]int32{}, weights: map[string]float64{}, total: total, epoch: epoch, moved: moved}
	t.nodes = append(t.nodes, node{parent: -1, role: -1})
	return t
}

func (t *tree) at(id int32) *entry { return &t.nodes[id].entry }

func (t *tree) children(id int32) []int32 {
	t.nodes[id].children.repair(t.at, t.total, *t.epoch)
	return t.nodes[id].children.ids
}

// weight belongs to a path, not to a role's own leaf beside its sub-roles.
func (t *tree) weight(path string) float64 {
	if w, ok := t.weights[path]; ok {
		return w
	}
	return 1
}

func (t *tree) setWeight(path string, w float64) {
	if t.weights[path] = w; w == 1 {
		delete(t.weights, path)
	}
	if n, ok := t.index[path]; ok {
		t.nodes[n].weight = w
	}
}

func (t *tree) grow(parent int32, name string, role int32) int32 {
	var id int32
	if n := len(t.free); n > 0 {
		id, t.free = t.free[n-1], t.free[:n-1]
	} else {
		id = int32(len(t.nodes))
		t.nodes = append(t.nodes, node{})
	}
	path := name
	if parent != 0 {
		path = t.nodes[parent].path + "/" + name
	}
	t.nodes[id] = node{entry: entry{name: name, weight: t.weight(path)}, path: path, parent: parent,
		depth: t.nodes[parent].depth + 1, role: role, children: order{epoch: *t.epoch}}
	return id
}

// hang places a grown node among its siblings.
func (t *tree) hang(id int32) {
	p := t.nodes[id].parent
	t.children(p)
	e := t.at(id)
	e.placed = e.rank(t.total)
	t.nodes[p].children.insert(t.at, id)
}

// split turns a leaf into an inner node: its old self moves into a virtual leaf, with its count.
func (t *tree) split(n int32) {
	role := t.nodes[n].role
	v := t.grow(n, ".", role)
	t.nodes[v].used, t.nodes[v].count = t.nodes[n].used, t.nodes[n].count
	t.nodes[n].role = -1
	t.hang(v)
	t.moved(role, v)
}

// add creates the leaf of a role.
func (t *tree) add(path string, role int32) {
	n := int32(0)
	for end, rest := 0, path; ; {
		token, more, deeper := strings.Cut(rest, "/")
		end += len(token)
		if t.nodes[n].role >= 0 {
			t.split(n)
		}
		c, ok := t.index[path[:end]]
		switch {
		case ok && !deeper:
			c = t.grow(c, ".", role)
			t.hang(c)
		case !ok:
			leaf := int32(-1)
			if !deeper {
				leaf = role
			}
			c = t.grow(n, token, leaf)
			t.hang(c)
			t.index[path[:end]] = c
		}
		if n = c; !deeper {
			break
		}
		end, rest = end+1, more
	}
	t.moved(role, n)
}

// remove takes a leaf away, what it still uses, and the inner nodes that lose their last child. An inner node that is
// left with its own virtual leaf becomes a leaf again; its count stays that of the inner node, as in Mesos.
func (t *tree) remove(leaf int32) {
	used := t.nodes[leaf].used
	for n := leaf; n != 0; {
		p := t.nodes[n].parent
		t.children(p)
		kids := t.nodes[n].children.ids
		switch {
		case len(kids) == 0:
			t.nodes[p].children.remove(t.at, n)
			if t.nodes[n].name != "." {
				delete(t.index, t.nodes[n].path)
			}
			t.free = append(t.free, n)
		case len(kids) == 1 && t.nodes[kids[0]].name == ".":
			v := kids[0]
			t.nodes[n].role = t.nodes[v].role
			t.nodes[n].children.ids = nil
			t.free = append(t.free, v)
			t.moved(t.nodes[n].role, n)
		}
		t.nodes[p].used.sub(&used)
		if p != 0 {
			t.settle(p)
		}
		n = p
	}
}

// settle moves one node to its true place, unless its list is to be repaired anyway.
func (t *tree) settle(id int32) {
	siblings := &t.nodes[t.nodes[id].parent].children
	if siblings.epoch == *t.epoch {
		siblings.move(t.at, id, t.total)
	}
}

// charge adds to a leaf and its ancestors; settleAll moves them, after the agent's visit. chosen counts as one more time.
func (t *tree) charge(leaf int32, q *Amounts, chosen bool) {
	for n := leaf; n >= 0; n = t.nodes[n].parent {
		t.nodes[n].used.add(q)
		if chosen {
			t.nodes[n].count++
		}
	}
	t.touched = append(t.touched, leaf)
}

func (t *tree) discharge(leaf int32, q *Amounts) {
	for n := leaf; n >= 0; n = t.nodes[n].parent {
		t.nodes[n].used.sub(q)
	}
	t.touched = append(t.touched, leaf)
}

func (t *tree) settleAll() {
	for _, leaf := range t.touched {
		for n := leaf; n > 0; n = t.nodes[n].parent {
			t.settle(n)
		}
	}
	t.touched = t.touched[:0]
}

// compare says which of two leaves comes first in the order of the whole tree.
func (t *tree) compare(a, b int32) int {
	for t.nodes[a].depth > t.nodes[b].depth {
		a = t.nodes[a].parent
	}
	for t.nodes[b].depth > t.nodes[a].depth {
		b = t.nodes[b].parent
	}
	for t.nodes[a].parent != t.nodes[b].parent {
		a, b = t.nodes[a].parent, t.nodes[b].parent
	}
	t.children(t.nodes[a].parent)
	return t.at(a).compare(t.at(b))
}

package drf

import (
	"maps"
	"slices"
	"strings"
)

// oracleSorter keeps clients in a tree of path components and returns them in order of dominant share. It recomputes
// and sorts everything each time it is asked, which is what Mesos' lazy sorter amounts to.
type oracleSorter struct {
	root    *oracleNode
	clients map[string]*oracleNode
}

type oracleNode struct {
	name, path string
	parent     *oracleNode
	children   []*oracleNode
	leaf       bool
	active     bool
	on         map[string]pile // agent → what is allocated of it
	used       quantities      // what is shared counts once for each agent
	count      uint64
	share      float64
}

func newOracleSorter() *oracleSorter {
	return &oracleSorter{root: &oracleNode{on: map[string]pile{}, used: quantities{}}, clients: map[string]*oracleNode{}}
}

func (n *oracleNode) child(name string) *oracleNode {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (n *oracleNode) grow(name string, leaf bool) *oracleNode {
	c := &oracleNode{name: name, path: name, parent: n, leaf: leaf, on: map[string]pile{}, used: quantities{}}
	if n.parent != nil {
		c.path = n.path + "/" + name
	}
	n.children = append(n.children, c)
	return c
}

func (n *oracleNode) add(agent string, p pile) {
	fresh := p.filter(func(k thing) bool { return !k.Shared || n.on[agent][k] == 0 })
	n.used = n.used.plus(fresh.quantities())
	n.on[agent] = n.on[agent].plus(p)
}

func (n *oracleNode) subtract(agent string, p pile) {
	n.on[agent] = n.on[agent].minus(p)
	last := p.filter(func(k thing) bool { return !k.Shared || n.on[agent][k] == 0 })
	n.used = n.used.minus(last.quantities())
}

func (s *oracleSorter) add(path string) {
	tokens := strings.Split(path, "/")
	n := s.root
	for i, token := range tokens {
		if n.leaf { // becomes internal; its old self moves into a virtual leaf, with its count
			v := n.grow(".", true)
			v.active, v.on, v.used, v.count = n.active, maps.Clone(n.on), maps.Clone(n.used), n.count
			n.leaf = false
			s.clients[n.path] = v
		}
		c := n.child(token)
		if c == nil {
			c = n.grow(token, i == len(tokens)-1)
		} else if i == len(tokens)-1 {
			c = c.grow(".", true)
		}
		n = c
	}
	s.clients[path] = n
}

func (s *oracleSorter) remove(path string) {
	leaf := s.clients[path]
	delete(s.clients, path)
	held := maps.Clone(leaf.on)
	for n := leaf; n != s.root; {
		p := n.parent
		for agent, x := range held {
			p.subtract(agent, x)
		}
		if len(n.children) == 0 {
			p.children = slices.DeleteFunc(p.children, func(c *oracleNode) bool { return c == n })
		} else if len(n.children) == 1 && n.children[0].name == "." {
			n.leaf, n.active, n.children = true, n.children[0].active, nil
			s.clients[n.path] = n
		}
		n = p
	}
}

func (s *oracleSorter) setActive(path string, active bool) { s.clients[path].active = active }

func (s *oracleSorter) allocated(path, agent string, p pile) {
	for n := s.clients[path]; n != nil; n = n.parent {
		n.add(agent, p)
		n.count++
	}
}

func (s *oracleSorter) unallocated(path, agent string, p pile) {
	for n := s.clients[path]; n != nil; n = n.parent {
		n.subtract(agent, p)
	}
}

func (s *oracleSorter) update(path, agent string, before, after pile) {
	for n := s.clients[path]; n != nil; n = n.parent {
		n.subtract(agent, before)
		n.add(agent, after)
	}
}

func (s *oracleSorter) sort(total quantities, weights map[string]float64) []string {
	var out []string
	var walk func(n *oracleNode)
	walk = func(n *oracleNode) {
		for _, c := range n.children {
			c.share = 0
			for name, t := range total {
				if t > 0 {
					c.share = max(c.share, float64(c.used[name])/float64(t))
				}
			}
			if w, ok := weights[c.path]; ok {
				c.share /= w
			}
		}
		slices.SortFunc(n.children, func(a, b *oracleNode) int {
			switch {
			case a.share != b.share:
				if a.share < b.share {
					return -1
				}
				return 1
			case a.count != b.count:
				if a.count < b.count {
					return -1
				}
				return 1
			}
			return strings.Compare(a.path, b.path)
		})
		for _, c := range n.children {
			if !c.leaf {
				walk(c)
			} else if c.active {
				if c.name == "." {
					out = append(out, c.parent.path)
				} else {
					out = append(out, c.path)
				}
			}
		}
	}
	walk(s.root)
	return out
}

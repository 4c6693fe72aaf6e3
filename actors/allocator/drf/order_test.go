package drf

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ranking looks at the engine as an order of clients: each is a role with one framework, so that the order in which
// roles are served is the order of the clients.
type ranking struct {
	*Engine
	t *testing.T
}

func newRanking(t *testing.T, total string) *ranking {
	r := &ranking{New(Options{Seed: 1}), t}
	if total != "" {
		r.total("agent", total)
	}
	return r
}

// scalars reads "cpus:1;mem:2".
func scalars(text string) Bundle {
	var b Bundle
	for _, part := range strings.Split(text, ";") {
		name, amount, _ := strings.Cut(part, ":")
		n, err := strconv.ParseFloat(amount, 64)
		if err != nil {
			panic(err)
		}
		if n > 0 {
			b.put(Kind{Name: name}, int64(n*Milli))
		}
	}
	return b
}

func (r *ranking) total(agent, text string) { r.totalOf(agent, scalars(text)) }

func (r *ranking) totalOf(agent string, b Bundle) {
	a := Agent{ID: agent, MultiRole: true, Hierarchical: true, Total: b}
	if _, known := r.agentIDs[agent]; known {
		r.UpdateAgent(a)
	} else {
		r.AddAgent(a)
	}
}

func (r *ranking) add(paths ...string) {
	for _, path := range paths {
		r.AddFramework(Framework{ID: path, Active: true, Roles: map[string]Subscription{path: {}}})
	}
}

func (r *ranking) remove(path string) { r.RemoveFramework(path) }

func (r *ranking) place(path, agent string) (slot, client int32) {
	r.t.Helper()
	slot, client, known := r.find(path, path, agent)
	if !known {
		r.t.Fatalf("%s on %s: unknown", path, agent)
	}
	return slot, client
}

func (r *ranking) allocated(path, text string) { r.allocatedOf(path, "agent", scalars(text)) }

func (r *ranking) allocatedOf(path, agent string, rs Bundle) {
	r.t.Helper()
	slot, client := r.place(path, agent)
	b := r.intern(rs)
	r.take(slot, client, &b, true)
	r.settle(client)
}

func (r *ranking) unallocated(path, text string) { r.unallocatedOf(path, "agent", scalars(text)) }

func (r *ranking) unallocatedOf(path, agent string, rs Bundle) {
	r.t.Helper()
	slot, client := r.place(path, agent)
	b := r.intern(rs)
	r.give(slot, client, &b)
}

// holds is what a client has of an agent.
func (r *ranking) holds(path, agent string) string {
	slot, client := r.place(path, agent)
	if h := r.holding(slot, client); h != nil {
		return pileOf(r.extern(&h.bundle)).text()
	}
	return ""
}

// uses is what a client has of all agents, in scalars; of everybody if no path is given.
func (r *ranking) uses(path string) string {
	v := r.tree.nodes[0].used
	if path != "" {
		v = r.clients[r.frameworks[path].clients[r.roleIDs[path]]].used
	}
	var parts []string
	for name, n := range r.names.table(&v) {
		parts = append(parts, fmt.Sprintf("%s:%v", name, float64(n)/Milli))
	}
	slices.Sort(parts)
	return strings.Join(parts, ";")
}

// want compares the order of active clients.
func (r *ranking) want(paths ...string) {
	r.t.Helper()
	var got []string
	for _, name := range r.Roles() {
		if r.clients[r.frameworks[name].clients[r.roleIDs[name]]].active {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, paths) {
		r.t.Fatalf("want %q\ngot  %q", paths, got)
	}
	r.checkInvariants(r.t)
}

func (r *ranking) equal(got, want string) {
	r.t.Helper()
	if got != want {
		r.t.Fatalf("want %s\ngot  %s", want, got)
	}
}

func TestOrder(t *testing.T) {
	stories := map[string]struct {
		total string
		tell  func(*ranking)
	}{
		"dominant share":                       {"cpus:100;mem:100", func(r *ranking) { byDominantShare(r, "a", "b", "c", "d", "e", "f") }},
		"disjoint branches change nothing":     {"cpus:100;mem:100", func(r *ranking) { byDominantShare(r, "a/a", "b/b", "c/c", "d/d", "e/e", "f/f") }},
		"nor do branches of different depth":   {"cpus:100;mem:100", func(r *ranking) { byDominantShare(r, "a/a/a/a/a", "b/b/b/b", "c/c/c", "d/d", "e/e/e/e/e/e", "f/f") }},
		"a weight divides the share":           {"cpus:100;mem:100", byWeight},
		"a weight that changes":                {"cpus:100;mem:100", weightChanges},
		"ties go to who was chosen less":       {"cpus:100;mem:100", tiesByCount},
		"a branch competes as a whole":         {"cpus:100;mem:100", branchCompetes},
		"branches are walked in order":         {"cpus:100;mem:100", walkInOrder},
		"a leaf becomes a branch":              {"cpus:100;mem:100", leafBecomesBranch},
		"a branch becomes a client too":        {"cpus:100;mem:100", branchBecomesClient},
		"a silent leaf becomes a branch":       {"cpus:100;mem:100", silentLeafBecomesBranch},
		"a branch becomes a leaf again":        {"cpus:100;mem:100", branchBecomesLeaf},
		"a branch becomes a silent leaf again": {"cpus:100;mem:100", branchBecomesSilentLeaf},
		"the weight of a branch":               {"cpus:100;mem:100", weightOfBranch},
		"one resource in several pieces":       {"cpus:100;mem:100;disk:100", severalPieces},
		"a conversion keeps the share":         {"cpus:10;mem:10;disk:10", func(r *ranking) { conversion(r, "a", "b") }},
		"a conversion in a branch":             {"cpus:10;mem:10;disk:10", func(r *ranking) { conversion(r, "a/x", "b/y") }},
		"a silent client keeps what it has":    {"cpus:10;mem:10", silentKeeps},
		"several agents":                       {"", severalAgents},
		"conversions on several agents":        {"", conversionsOnSeveralAgents},
		"the total changes":                    {"cpus:10;mem:100", totalChanges},
		"the total of one of two agents":       {"", totalOfOne},
		"the total and an allocation shrink":   {"cpus:10", totalShrinks},
		"revocable resources count":            {"", revocableCounts},
		"a shared volume counts for each":      {"", sharedCounts},
		"a shared volume dominates":            {"", sharedDominates},
		"more copies of it weigh nothing":      {"", copiesWeighNothing},
		"the last copy takes its weight along": {"", lastCopy},
		"names that do not count":              {"", unfairNames},
	}
	for name, s := range stories {
		t.Run(name, func(t *testing.T) { s.tell(newRanking(t, s.total)) })
	}
}

func byDominantShare(r *ranking, a, b, c, d, e, f string) {
	r.want()
	r.add(a)
	r.allocated(a, "cpus:5;mem:5")
	r.add(b)
	r.allocated(b, "cpus:6;mem:6")
	r.want(a, b)

	r.add(c)
	r.allocated(c, "cpus:1;mem:1")
	r.add(d)
	r.allocated(d, "cpus:3;mem:1")
	r.want(c, d, a, b)

	r.remove(a)
	r.unallocated(b, "cpus:4;mem:4")
	r.want(c, b, d)

	r.add(e)
	r.allocated(e, "cpus:1;mem:5")
	r.total("agent", "cpus:50;mem:100")
	r.want(c, b, e, d) // .02 .04 .05 .06

	r.total("agent", "cpus:50;mem:200")
	r.add(f)
	r.allocated(f, "cpus:5;mem:1")
	r.allocated(c, "cpus:0;mem:15")
	r.want(e, b, d, c, f) // .025 .04 .06 .08 .1

	if r.frameworks[a] != nil || r.frameworks[b] == nil || len(r.frameworks) != 5 {
		r.t.Fatal("the wrong clients are known")
	}
	r.SetFrameworkActive(d, false)
	r.want(e, b, c, f)
	if len(r.frameworks) != 5 {
		r.t.Fatal("a silent client is forgotten")
	}
	r.SetFrameworkActive(d, true)
	r.want(e, b, d, c, f)
}

func byWeight(r *ranking) {
	r.add("a")
	r.allocated("a", "cpus:5;mem:5")
	r.add("b")
	r.SetWeight("b", 2)
	r.allocated("b", "cpus:6;mem:6")
	r.want("b", "a") // .03 .05

	r.add("c")
	r.allocated("c", "cpus:4;mem:4")
	r.want("b", "c", "a")

	r.add("d")
	r.SetWeight("d", 10)
	r.allocated("d", "cpus:10;mem:20")
	r.want("d", "b", "c", "a") // .02 .03 .04 .05

	r.remove("b")
	r.want("d", "c", "a")
	r.allocated("d", "cpus:10;mem:25")
	r.want("c", "d", "a") // .04 .045 .05

	r.add("e")
	r.SetWeight("e", 0.1)
	r.allocated("e", "cpus:1;mem:1")
	r.want("c", "d", "a", "e") // the last .1
	r.remove("a")
	r.want("c", "d", "e")
}

func weightChanges(r *ranking) {
	r.add("a", "b")
	r.allocated("a", "cpus:5;mem:5")
	r.allocated("b", "cpus:6;mem:6")
	r.want("a", "b")
	r.SetWeight("b", 2)
	r.want("b", "a")
	for _, w := range []float64{0, -1, math.NaN(), math.Inf(1)} { // none of these is a weight
		r.SetWeight("b", w)
		r.want("b", "a")
	}
}

func tiesByCount(r *ranking) {
	r.add("a", "b", "c", "d", "e")
	for _, path := range []string{"a", "b", "e"} {
		r.allocated(path, "cpus:3;mem:3")
	}
	for range 3 {
		r.allocated("c", "cpus:1;mem:1")
	}
	r.allocated("d", "cpus:2;mem:2")
	r.allocated("d", "cpus:1;mem:1")
	r.want("a", "b", "e", "d", "c") // chosen 1 1 1 2 3 times

	r.unallocated("c", "cpus:3;mem:3")
	r.want("c", "a", "b", "e", "d")
	r.allocated("c", "cpus:3;mem:3")
	r.want("a", "b", "e", "d", "c") // c is at 4

	r.SetFrameworkActive("c", false)
	r.SetFrameworkActive("c", true)
	r.want("a", "b", "e", "d", "c")
	r.unallocated("c", "cpus:3;mem:3")
	r.allocated("c", "cpus:3;mem:3")
	r.want("a", "b", "e", "d", "c")

	// Silent clients are chosen no less.
	r.SetFrameworkActive("a", false)
	r.unallocated("a", "cpus:1;mem:3")
	r.allocated("a", "cpus:1;mem:3")
	r.want("b", "e", "d", "c")
	r.SetFrameworkActive("a", true)
	r.want("b", "e", "a", "d", "c")
}

func branchCompetes(r *ranking) {
	r.add("a", "b/c", "b/d")
	if r.frameworks["b"] != nil {
		r.t.Fatal("an inner node is no client")
	}
	r.want("a", "b/c", "b/d")
	r.allocated("a", "cpus:6;mem:6")
	r.want("b/c", "b/d", "a")
	r.allocated("b/c", "cpus:4;mem:4")
	r.allocated("b/d", "cpus:3;mem:3")
	r.want("a", "b/d", "b/c") // b as a whole .07
	r.equal(r.holds("a", "agent"), "cpus=6000 mem=6000")
	r.equal(r.uses("b/c"), "cpus:4;mem:4")
	r.equal(r.uses(""), "cpus:13;mem:13")

	r.allocated("a", "cpus:2;mem:2")
	r.want("b/d", "b/c", "a")
	r.add("b/e/f")
	r.want("b/e/f", "b/d", "b/c", "a")
	r.allocated("b/e/f", "cpus:3.5;mem:3.5")
	r.want("a", "b/d", "b/e/f", "b/c")

	r.remove("b/e/f") // takes its weight off the branch
	r.want("b/d", "b/c", "a")
	r.Convert("b/c", "b/c", "agent", []Conversion{{scalars("cpus:4;mem:4"), scalars("cpus:1;mem:1")}})
	r.total("agent", "cpus:100;mem:100")
	r.want("b/c", "b/d", "a")
	r.add("b/e/f")
	r.allocated("b/e/f", "cpus:3.5;mem:3.5")
	r.want("b/c", "b/d", "b/e/f", "a")
}

func walkInOrder(r *ranking) {
	r.add("a/b", "c", "d", "d/e")
	r.want("a/b", "c", "d", "d/e")
	r.allocated("c", "cpus:8;mem:8")
	r.want("a/b", "d", "d/e", "c")
	r.allocated("d", "cpus:3;mem:3")
	r.allocated("d/e", "cpus:2;mem:2")
	r.want("a/b", "d/e", "d", "c")
	r.allocated("a/b", "cpus:6;mem:6")
	r.want("d/e", "d", "a/b", "c")
}

func leafBecomesBranch(r *ranking) {
	r.add("a", "b")
	r.allocated("a", "cpus:10;mem:10")
	r.allocated("b", "cpus:6;mem:6")
	r.want("b", "a")
	r.add("a/c")
	r.allocated("a/c", "cpus:5;mem:5")
	r.want("b", "a/c", "a")

	r.remove("a") // the branch is lighter without it
	r.want("a/c", "b")
	r.add("a")
	r.allocated("a", "cpus:10;mem:10")
	r.want("b", "a/c", "a")

	r.SetWeight("a/c", 0.2)
	r.want("b", "a", "a/c")
	r.SetWeight("a", 3) // counts among a and b, not among a's own and a/c
	r.want("a", "a/c", "b")
	r.SetWeight("a/c", 1)
	r.want("a/c", "a", "b")
}

func branchBecomesClient(r *ranking) {
	r.add("x/a", "x/b")
	r.allocated("x/a", "cpus:10;mem:10")
	r.allocated("x/b", "cpus:6;mem:6")
	r.want("x/b", "x/a")
	r.add("x")
	r.allocated("x", "cpus:7;mem:7")
	r.want("x/b", "x", "x/a")
	r.add("z")
	r.allocated("z", "cpus:20;mem:20")
	r.want("z", "x/b", "x", "x/a")
	r.remove("x")
	r.want("x/b", "x/a", "z")
}

func silentLeafBecomesBranch(r *ranking) {
	r.add("a", "b")
	r.allocated("a", "cpus:10;mem:10")
	r.allocated("b", "cpus:6;mem:6")
	r.SetFrameworkActive("a", false)
	r.want("b")
	r.add("a/c")
	r.allocated("a/c", "cpus:5;mem:5")
	r.want("b", "a/c")
}

func branchBecomesLeaf(r *ranking) {
	r.add("a", "b", "a/c")
	r.allocated("a", "cpus:10;mem:10")
	r.allocated("b", "cpus:6;mem:6")
	r.allocated("a/c", "cpus:5;mem:5")
	r.want("b", "a/c", "a")
	r.remove("a/c")
	r.want("b", "a")
}

func branchBecomesSilentLeaf(r *ranking) {
	r.add("a", "b", "a/c")
	r.allocated("a", "cpus:10;mem:10")
	r.allocated("b", "cpus:6;mem:6")
	r.allocated("a/c", "cpus:5;mem:5")
	r.SetFrameworkActive("a", false)
	r.want("b", "a/c")
	r.remove("a/c")
	r.want("b")
}

func weightOfBranch(r *ranking) {
	r.SetWeight("b", 3)
	r.SetWeight("a", 2)
	r.add("a/x", "b/y")
	r.want("a/x", "b/y")
	r.allocated("a/x", "cpus:10;mem:10")
	r.allocated("b/y", "cpus:10;mem:10")
	r.want("b/y", "a/x")
	r.add("b/z")
	r.allocated("b/z", "cpus:5;mem:5")
	r.want("b/z", "b/y", "a/x")
	r.add("b")
	r.allocated("b", "cpus:4;mem:4")
	r.want("a/x", "b", "b/z", "b/y")
	r.add("a/zz")
	r.allocated("a/zz", "cpus:2;mem:2")
	r.want("a/zz", "a/x", "b", "b/z", "b/y")
}

func volume(n int64, id string, shared bool) Kind {
	return Kind{Name: "disk", Role: "role1", Size: n * Milli, Shared: shared, Detail: "volume " + id}
}

func (b Bundle) with(k Kind, n int64) Bundle {
	b = slices.Clone(b)
	b.put(k, n)
	return b
}

func severalPieces(r *ranking) {
	r.add("a", "b")
	r.allocated("a", "cpus:9;mem:9;disk:9")
	r.allocatedOf("b", "agent", scalars("cpus:9;mem:9").with(volume(5, "1", false), 1).with(volume(5, "2", false), 1))
	r.want("a", "b") // b has a disk more
}

func conversion(r *ranking, a, b string) {
	r.add(a, b)
	r.allocated(a, "cpus:10;mem:10;disk:10")
	r.Convert(a, a, "agent", []Conversion{{scalars("disk:5"), Bundle(nil).with(volume(5, "id", false), 1)}})
	r.equal(r.holds(a, "agent"), "cpus=10000 disk(role1)[5000 volume id]=1 disk=5000 mem=10000")
	r.equal(r.uses(a), "cpus:10;disk:10;mem:10")
	r.equal(r.uses(""), "cpus:10;disk:10;mem:10")

	r.total("agent2", "cpus:10;mem:10;disk:10")
	r.add("c")
	r.allocatedOf("c", "agent2", scalars("cpus:10;mem:10;disk:10"))
	r.Convert("c", "c", "agent2", []Conversion{{scalars("cpus:10;mem:10;disk:10"), nil}}) // into nothing
	r.equal(r.holds("c", "agent2"), "")
	r.equal(r.uses("c"), "")
}

func silentKeeps(r *ranking) {
	r.add("a", "b")
	r.SetFrameworkActive("a", false)
	r.allocated("a", "cpus:2;mem:2")
	r.allocated("b", "cpus:3;mem:3")
	r.equal(r.holds("a", "agent"), "cpus=2000 mem=2000")
	r.equal(r.uses("a"), "cpus:2;mem:2")
	r.equal(r.holds("b", "agent"), "cpus=3000 mem=3000")
	r.equal(r.uses("b"), "cpus:3;mem:3")
	r.equal(r.uses(""), "cpus:5;mem:5")
	r.want("b")
}

func severalAgents(r *ranking) {
	total := append(scalars("cpus:2;mem:512"), portsOf(Range{31000, 31003}))
	r.totalOf("x", total)
	r.totalOf("y", total)
	r.add("framework")
	r.allocatedOf("framework", "x", total)
	r.allocatedOf("framework", "y", total)
	for _, agent := range []string{"x", "y"} {
		r.equal(r.holds("framework", agent), pileOf(total).text())
	}
	r.equal(r.uses("framework"), "cpus:4;mem:1024")
	r.equal(r.uses(""), "cpus:4;mem:1024")
}

func conversionsOnSeveralAgents(r *ranking) {
	total := append(scalars("cpus:2;mem:512;disk:10"), portsOf(Range{31000, 31003}))
	r.add("framework")
	for _, agent := range []string{"x", "y"} {
		r.totalOf(agent, total)
		r.allocatedOf("framework", agent, total)
		r.Convert("framework", "framework", agent, []Conversion{{scalars("disk:5"), Bundle(nil).with(volume(5, "id", false), 1)}})
	}
	left := append(scalars("cpus:2;mem:512;disk:5"), portsOf(Range{31000, 31003})).with(volume(5, "id", false), 1)
	for _, agent := range []string{"x", "y"} {
		r.equal(r.holds("framework", agent), pileOf(left).text())
	}
	r.equal(r.uses("framework"), "cpus:4;disk:20;mem:1024")
	r.equal(r.uses(""), "cpus:4;disk:20;mem:1024")
}

func totalChanges(r *ranking) {
	r.add("a", "b")
	r.allocated("a", "cpus:2;mem:1")
	r.allocated("b", "cpus:1;mem:2")
	r.want("b", "a")
	r.total("agent", "cpus:100;mem:10")
	r.want("a", "b")
}

func totalOfOne(r *ranking) {
	r.total("x", "cpus:5;mem:50")
	r.total("y", "cpus:5;mem:50")
	r.add("a", "b")
	r.allocatedOf("a", "x", scalars("cpus:2;mem:1"))
	r.allocatedOf("b", "y", scalars("cpus:1;mem:3"))
	r.want("b", "a")
	r.total("x", "cpus:95;mem:50")
	r.want("a", "b")
}

func totalShrinks(r *ranking) {
	r.add("a", "b")
	r.allocated("a", "cpus:6")
	r.allocated("b", "cpus:4")
	r.want("b", "a")
	r.Convert("a", "a", "agent", []Conversion{{scalars("cpus:5"), nil}}) // leaves the total, too
	r.equal(r.uses(""), "cpus:5")
	r.want("a", "b")
}

func revocableCounts(r *ranking) {
	revocable := Kind{Name: "cpus", Revocable: true}
	r.totalOf("agent", scalars("cpus:10;mem:100").with(revocable, 10*Milli))
	r.add("a", "b")
	r.allocated("a", "cpus:2;mem:1")
	r.allocatedOf("b", "agent", scalars("cpus:1;mem:1").with(revocable, 9*Milli))
	r.equal(r.holds("a", "agent"), "cpus=2000 mem=1000")
	r.equal(r.holds("b", "agent"), "cpus=1000 cpus{REV}=9000 mem=1000")
	r.want("a", "b")
}

// withShared is a cluster of 100 cpus, 100 mem and 1000 disk, of which size is a shared volume.
func (r *ranking) withShared(size int64) Kind {
	v := volume(size, "shared", true)
	r.totalOf("agent", scalars("cpus:100;mem:100").with(Kind{Name: "disk", Role: "role1"}, (1000-size)*Milli).with(v, 1))
	return v
}

func sharedCounts(r *ranking) {
	v := r.withShared(100)
	r.add("a")
	r.allocatedOf("a", "agent", scalars("cpus:5;mem:5").with(v, 1))
	r.add("b")
	r.allocated("b", "cpus:6;mem:6")
	r.want("b", "a") // .06, and .1 by disk
	r.add("c")
	r.allocatedOf("c", "agent", scalars("cpus:1;mem:1").with(v, 1))
	r.want("b", "a", "c")
	r.remove("a")
	r.unallocated("b", "cpus:4;mem:4")
	r.want("b", "c")
	r.add("d")
	r.allocatedOf("d", "agent", scalars("cpus:1;mem:5").with(v, 1))
	r.want("b", "c", "d")
	r.equal(r.uses(""), "cpus:4;disk:100;mem:8") // once for the cluster
	if r.frameworks["a"] != nil || r.frameworks["b"] == nil || len(r.frameworks) != 3 {
		r.t.Fatal("the wrong clients are known")
	}
}

func sharedDominates(r *ranking) {
	v := r.withShared(900)
	r.add("b")
	r.allocatedOf("b", "agent", scalars("cpus:5;mem:20").with(v, 1))
	r.add("c")
	r.allocatedOf("c", "agent", scalars("cpus:10;mem:6").with(v, 1))
	r.want("b", "c")
	r.add("a")
	r.allocatedOf("a", "agent", scalars("cpus:50;mem:40").with(v, 1))
	r.want("a", "b", "c")
}

func copiesWeighNothing(r *ranking) {
	v := r.withShared(50)
	r.add("a", "b")
	r.allocatedOf("a", "agent", scalars("cpus:2;mem:2").with(v, 1))
	r.allocated("b", "cpus:6;mem:6")
	r.want("a", "b")
	r.allocatedOf("a", "agent", Bundle(nil).with(v, 3))
	r.want("a", "b")
	r.equal(r.uses("a"), "cpus:2;disk:50;mem:2")
}

func lastCopy(r *ranking) {
	v := r.withShared(100)
	r.add("a", "b")
	r.allocatedOf("a", "agent", scalars("cpus:2;mem:2").with(v, 3))
	r.allocated("b", "cpus:6;mem:6")
	r.want("b", "a")
	r.unallocatedOf("a", "agent", Bundle(nil).with(v, 1))
	r.want("b", "a")
	r.unallocatedOf("a", "agent", Bundle(nil).with(v, 2))
	r.want("a", "b")
}

func unfairNames(r *ranking) {
	r.Engine = New(Options{Unfair: []string{"gpus"}})
	r.total("agent", "cpus:100;gpus:1")
	r.add("a", "b")
	r.allocated("a", "cpus:1;gpus:1")
	r.allocated("b", "cpus:2")
	r.want("a", "b")
	if share := r.Figures().Roles["a"].Share; share != 0.01 {
		r.t.Fatalf("share %v", share)
	}
}

// A role is known while a framework, a reservation or a quota names it, or one below it; what nothing names is forgotten.
func TestRolesAreForgotten(t *testing.T) {
	r := newRanking(t, "cpus:10;mem:10")
	r.sweepFrom = 0
	known := func(want ...string) {
		t.Helper()
		r.swept = 0
		r.sweep()
		var got []string
		for name := range r.roleIDs {
			got = append(got, name)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("want %q\ngot  %q", want, got)
		}
	}
	known()
	r.SetWeight("a/b/c", 2)
	if r.tree.weight("a/b/c") != 2 || r.tree.weight("a/b") != 1 {
		t.Fatal("the weight of a path that has no frameworks yet")
	}
	r.SetWeight("a/b/c", 1)
	if len(r.tree.weights) != 0 {
		t.Fatal("a weight that was reset is remembered")
	}
	r.add("a/b/c")
	known("a", "a/b", "a/b/c")
	r.add("a/b")
	r.remove("a/b/c")
	known("a", "a/b")
	r.SetQuota("q", Quota{Guarantee: map[string]int64{"cpus": Milli}})
	r.totalOf("reserved", scalars("cpus:1").with(Kind{Name: "cpus", Role: "x/y"}, Milli))
	known("a", "a/b", "q", "x", "x/y")
	r.remove("a/b")
	r.SetQuota("q", Quota{})
	r.RemoveAgent("reserved")
	known()
}

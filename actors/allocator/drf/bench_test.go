package drf

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// The allocator's rows of the budget, and what stands around them. Each benchmark reports the time of its parts as its
// own units, because a run cannot be repeated without the events before it.

var benchStart = time.Unix(1_000_000, 0)

const forever = 200 * 24 * time.Hour

func benchEngine() *Engine {
	e := New(Options{Seed: 1, Min: testMin})
	e.Now(benchStart)
	return e
}

func scalarBundle(cpus, mem, disk int64) Bundle {
	var b Bundle
	b.put(Kind{Name: "cpus"}, cpus*Milli)
	b.put(Kind{Name: "mem"}, mem*Milli)
	b.put(Kind{Name: "disk"}, disk*Milli)
	return b
}

func portsOf(ranges ...Range) Resource {
	return Resource{Kind: &Kind{Name: "ports", Type: Ranges}, Set: RangeSet(ranges...)}
}

// fragments is [31000-32000] cut into n ranges.
func fragments(n uint64) Resource {
	step := 1001 / n
	var out []Range
	for i := range n {
		out = append(out, Range{31000 + i*step, 31000 + i*step + step - 2})
	}
	return portsOf(out...)
}

func machine(id int, cpus, mem, disk int64) Agent {
	return Agent{ID: fmt.Sprintf("agent-%06d", id), MultiRole: true, Hierarchical: true,
		Total: append(scalarBundle(cpus, mem, disk), portsOf(Range{31000, 32000}))}
}

func frameworkID(id int) string { return fmt.Sprintf("framework-%06d", id) }

func inRole(id int, role string) Framework {
	return Framework{ID: frameworkID(id), Active: true, Caps: Caps{Revocable: true}, Roles: map[string]Subscription{role: {}}}
}

var unfulfillable = Subscription{Min: []Min{{"cpus": 1 << 40}}}

// stopwatch sums up the parts of a benchmark.
type stopwatch struct {
	b     *testing.B
	names []string
	spent map[string]time.Duration
}

func newStopwatch(b *testing.B) *stopwatch {
	return &stopwatch{b: b, spent: map[string]time.Duration{}}
}

func (s *stopwatch) time(name string, f func()) {
	start := time.Now()
	f()
	if _, ok := s.spent[name]; !ok {
		s.names = append(s.names, name)
	}
	s.spent[name] += time.Since(start)
}

// report gives the mean of each part in milliseconds.
func (s *stopwatch) report() {
	for _, name := range s.names {
		s.b.ReportMetric(float64(s.spent[name].Microseconds())/1000/float64(s.b.N), name+"-ms")
	}
	s.b.ReportMetric(0, "ns/op")
}

func (e *Engine) tickAt(seconds int) []Grant {
	e.Now(benchStart.Add(time.Duration(seconds) * time.Second))
	e.Request()
	return e.Allocate()
}

func (e *Engine) decline(grants []Grant, d time.Duration) {
	until := time.Time{}
	if d > 0 {
		until = e.began.Add(time.Duration(e.now) + d)
	}
	for i := range grants {
		g := &grants[i]
		e.Recover(g.Framework, g.Role, g.Agent, g.Bundle, until)
	}
}

// budget: add 5,000 agents with 200 frameworks, ≤ 30 ms.
func BenchmarkAddAgents(b *testing.B) {
	for _, size := range [][2]int{{5000, 200}, {5000, 1000}} {
		for _, each := range []bool{false, true} {
			runs := "one run"
			if each {
				runs = "a run for each"
			}
			b.Run(fmt.Sprintf("%dx%d, %s", size[0], size[1], runs), func(b *testing.B) {
				s := newStopwatch(b)
				for range b.N {
					addAndUpdate(s, size[0], size[1], each)
				}
				s.report()
			})
		}
	}
}

func addAndUpdate(s *stopwatch, agents, frameworks int, each bool) {
	e := benchEngine()
	after := func() {
		if each {
			e.Allocate()
		}
	}
	used := append(scalarBundle(1, 128, 1024), portsOf(Range{31126, 31510}, Range{31512, 31623}, Range{31810, 31852}, Range{31854, 31964}))
	list := make([]Agent, agents)
	for i := range list {
		list[i] = machine(i, 2, 1024, 4096)
		list[i].Used = []Use{{frameworkID(i % frameworks), "*", used}}
	}
	for i := range frameworks {
		e.AddFramework(inRole(i, "*"))
		after()
	}
	e.Allocate()
	runtime.GC()
	s.time("add", func() {
		for i := range list {
			e.AddAgent(list[i])
			after()
		}
		e.Allocate()
	})
	for i := range list {
		list[i].Total.put(Kind{Name: "cpus", Revocable: true}, 10*Milli)
	}
	s.time("update", func() {
		for i := range list {
			e.UpdateAgent(list[i])
			after()
		}
		e.Allocate()
	})
}

// budget: a run with everything refused, 1,000 × 200 and 5,000 × 50, ≤ 1 ms each, ≤ 10 ms with everything forgotten.
func BenchmarkEverythingRefused(b *testing.B) {
	for _, size := range [][2]int{{1000, 200}, {5000, 50}, {5000, 200}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			s := newStopwatch(b)
			for range b.N {
				refuseEverything(s, size[0], size[1])
			}
			s.report()
		})
	}
}

func refuseEverything(s *stopwatch, agents, frameworks int) {
	e := benchEngine()
	for i := range frameworks {
		e.AddFramework(inRole(i, "*"))
	}
	used := append(scalarBundle(16, 2014, 1024), fragments(16))
	for i := range agents {
		a := machine(i, 24, 4096, 4096)
		a.Used = []Use{{frameworkID(i % frameworks), "*", used}}
		e.AddAgent(a)
	}
	second := 0
	for {
		second++
		var grants []Grant
		start := time.Now()
		grants = e.tickAt(second)
		if len(grants) == 0 {
			s.time("refused", func() { e.tickAt(second + 1) })
			break
		}
		if second == 2 {
			s.spent["offered"] += time.Since(start)
			s.time("declined", func() { e.decline(grants, forever) })
			continue
		}
		e.decline(grants, forever)
	}
	if _, ok := s.spent["offered"]; ok && len(s.names) < 4 {
		s.names = append(s.names, "offered")
	}
	for slot := range e.agents { // nothing is remembered but the filters themselves
		e.forgetRefusals(int32(slot))
		e.touch(int32(slot))
	}
	clear(e.templates)
	s.time("forgotten", func() {
		if len(e.tickAt(second+2)) != 0 {
			s.b.Fatal("offers?")
		}
	})
}

// budget: a run over 10,000 × 1,000 and 20,000 × 2,000, ≤ 30 and 60 ms full, ≤ 0.5 ms when 1 % changed; over
// 100,000 × 100, ≤ 250 ms.
func BenchmarkFullRun(b *testing.B) {
	for _, size := range [][2]int{{10000, 1000}, {20000, 2000}, {100000, 100}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			s := newStopwatch(b)
			for range b.N {
				fullRun(s, size[0], size[1])
				nobodyCan(s, size[0], size[1])
			}
			s.report()
		})
	}
}

func fullRun(s *stopwatch, agents, frameworks int) {
	e := benchEngine()
	for i := range frameworks {
		e.AddFramework(inRole(i, "*"))
	}
	for i := range agents {
		e.AddAgent(machine(i, int64(8+i%3*8), 4096, 4096))
	}
	runtime.GC()
	var grants []Grant
	s.time("full", func() { grants = e.tickAt(1) })
	if len(grants) != agents {
		s.b.Fatal(len(grants))
	}
	s.time("returned", func() { e.decline(grants[:agents/100], 5*time.Second) })
	s.time("changed", func() { e.tickAt(2) })
	s.time("unchanged", func() { e.tickAt(3) })
}

func nobodyCan(s *stopwatch, agents, frameworks int) {
	e := benchEngine()
	for i := range frameworks {
		f := inRole(i, "*")
		f.Roles["*"] = unfulfillable
		e.AddFramework(f)
	}
	for i := range agents {
		e.AddAgent(machine(i, 8, 4096, 4096))
	}
	runtime.GC()
	s.time("unusable", func() { e.tickAt(1) })
	s.time("revived", func() { e.Revive(frameworkID(1), nil); e.Allocate() })
}

// budget: quota, 3,000 agents × 3,000 roles: add frameworks ≤ 120 ms, allocate ≤ 20 ms.
func BenchmarkQuota(b *testing.B) {
	for _, n := range []int{300, 3000} {
		b.Run(fmt.Sprintf("%d agents, %d roles", n, n), func(b *testing.B) {
			s := newStopwatch(b)
			for range b.N {
				meetQuotas(s, n, n)
				reachLimits(s, n, n)
			}
			s.report()
		})
	}
}

func small(id int) Agent {
	return Agent{ID: fmt.Sprintf("agent-%06d", id), MultiRole: true, Hierarchical: true, Total: scalarBundle(2, 2048, 2048)}
}

func meetQuotas(s *stopwatch, agents, roles int) {
	setup := func(each bool) *Engine {
		e := benchEngine()
		for i := range agents {
			e.AddAgent(small(i))
		}
		e.Allocate()
		for i := range roles {
			e.AddFramework(inRole(i, fmt.Sprintf("role%d", i)))
			if each {
				e.Allocate()
			}
		}
		return e
	}
	runtime.GC()
	s.time("add", func() { setup(true) })
	e := setup(false)
	for i := range roles {
		v := int64(1)
		if i >= roles*5/6 {
			v = 4
		}
		amounts := map[string]int64{"cpus": v * Milli, "mem": v * 1024 * Milli, "disk": v * 1024 * Milli}
		e.SetQuota(fmt.Sprintf("role%d", i), Quota{amounts, amounts})
	}
	runtime.GC()
	var grants []Grant
	s.time("allocate", func() { grants = e.tickAt(1) })
	s.time("exhausted", func() { e.tickAt(2) })
	e.decline(grants[:len(grants)/100], 5*time.Second)
	s.time("changed", func() { e.tickAt(3) })
}

// reachLimits: every role is at its limit, every agent has room, and one agent in a hundred changes.
func reachLimits(s *stopwatch, agents, roles int) {
	e := benchEngine()
	for i := range agents {
		a := small(i)
		a.Total = scalarBundle(8, 8192, 8192)
		e.AddAgent(a)
	}
	for i := range roles {
		role := fmt.Sprintf("role%d", i)
		e.AddFramework(inRole(i, role))
		e.SetQuota(role, Quota{Limit: map[string]int64{"cpus": Milli, "mem": 1024 * Milli}})
	}
	grants := e.tickAt(1)
	e.tickAt(2)
	e.decline(grants[:len(grants)/100], 5*time.Second)
	s.time("limits", func() { e.tickAt(3) })
}

// As many roles, with and without a quota that covers two agents for each role, as NonQuotaVsQuota of Mesos.
func BenchmarkWithAndWithoutQuota(b *testing.B) {
	for _, with := range []bool{false, true} {
		b.Run(fmt.Sprintf("1000 roles, quota %v", with), func(b *testing.B) {
			s := newStopwatch(b)
			for range b.N {
				e := benchEngine()
				for i := range 1000 {
					e.AddFramework(inRole(2*i, fmt.Sprintf("role%d", i)))
					e.AddFramework(inRole(2*i+1, fmt.Sprintf("role%d", i)))
					e.AddAgent(small(2 * i))
					e.AddAgent(small(2*i + 1))
					if amounts := map[string]int64{"cpus": 4 * Milli, "mem": 4096 * Milli, "disk": 4096 * Milli}; with {
						e.SetQuota(fmt.Sprintf("role%d", i), Quota{amounts, amounts})
					}
				}
				s.time("run", func() { e.tickAt(1) })
				s.time("nothing-left", func() { e.tickAt(2) })
			}
			s.report()
		})
	}
}

// A few large, many small and some middling frameworks launch what they want, as MultiFrameworkAllocations of Mesos.
func BenchmarkMixedFrameworks(b *testing.B) {
	s := newStopwatch(b)
	for range b.N {
		mixedFrameworks(s)
	}
	s.report()
}

// profile of a framework's tasks.
type wish struct{ tasks, perOffer, cpus, mem int64 }

func mixedFrameworks(s *stopwatch) {
	e := benchEngine()
	left := map[string]*wish{}
	add := func(role string, w wish) {
		f := inRole(len(left), role)
		left[f.ID] = &w
		e.AddFramework(f)
	}
	for i := range 4 {
		add(fmt.Sprint("large", i), wish{4000, 100, 70, 400 * Milli})
	}
	for range 500 {
		add("small", wish{5, 1, 100, 4000 * Milli})
	}
	for i := range 50 {
		add(fmt.Sprint("middling", i), wish{20, 5, 1000, 1000 * Milli})
	}
	for i := range 80 {
		a := machine(i, 64, 488000, 0)
		a.Total = scalarBundle(64, 488000, 0)
		e.AddAgent(a)
	}
	missing := int64(4*4000 + 500*5 + 50*20)
	for second := 1; missing > 0; second++ {
		var grants []Grant
		s.time("runs", func() { grants = e.tickAt(second) })
		for i := range grants {
			w := left[grants[i].Framework]
			missing -= w.launch(&grants[i])
			if w.tasks == 0 {
				e.Suppress(grants[i].Framework, nil)
			}
		}
		s.time("returns", func() { e.decline(grants, 0) })
		if second > 10000 {
			s.b.Fatalf("%d tasks never ran", missing)
		}
	}
}

// launch takes the tasks that fit out of the grant.
func (w *wish) launch(g *Grant) int64 {
	n := min(w.tasks, w.perOffer)
	for _, r := range g.Bundle {
		n = min(n, r.N/map[string]int64{"cpus": w.cpus, "mem": w.mem}[r.Kind.Name])
	}
	for i := range g.Bundle {
		g.Bundle[i].N -= n * map[string]int64{"cpus": w.cpus, "mem": w.mem}[g.Bundle[i].Kind.Name]
	}
	w.tasks -= n
	return n
}

// budget: why over 50,000 agents, ≤ 10 ms.
func BenchmarkWhy(b *testing.B) {
	e := benchEngine()
	for i := range 50 {
		e.AddFramework(inRole(i, fmt.Sprintf("role%d", i%10)))
	}
	for i := range 50000 {
		a := machine(i, int64(2+i%15), 4096, 4096)
		a.Remote = i%50 == 0
		if i%4 == 0 {
			a.Total.put(Kind{Name: "cpus", Role: fmt.Sprintf("role%d", i%10)}, 2*Milli)
		}
		e.AddAgent(a)
	}
	for i, g := range e.tickAt(1) {
		switch i % 3 {
		case 1:
			e.decline([]Grant{g}, 0)
		case 2:
			e.decline([]Grant{g}, forever)
		}
	}
	for b.Loop() {
		e.Why(frameworkID(0), "role0", map[string]int64{"cpus": 6 * Milli, "mem": 2048 * Milli}, 10)
	}
}

// A burst of revives, as AllocatorBacklog of Mesos.
func BenchmarkBacklog(b *testing.B) {
	s := newStopwatch(b)
	for range b.N {
		e := benchEngine()
		for i := range 200 {
			e.AddFramework(inRole(i, "*"))
		}
		for i := range 5000 {
			e.AddAgent(machine(i, 24, 4096, 4096))
		}
		e.decline(e.tickAt(1), forever)
		s.time("one-run", func() {
			for i := range 200 {
				e.Revive(frameworkID(i), nil)
			}
			e.Allocate()
		})
		for second := 2; ; second++ {
			grants := e.tickAt(second)
			if len(grants) == 0 {
				break
			}
			e.decline(grants, forever)
		}
		s.time("run-for-each", func() {
			for i := range 200 {
				e.Revive(frameworkID(i), nil)
				e.Allocate()
			}
		})
	}
	s.report()
}

// Frameworks that suppress one after the other, while the others go on declining, as SuppressOffers of Mesos.
func BenchmarkSuppress(b *testing.B) {
	for _, most := range []int{100, 199} { // how many of 200 fall silent
		b.Run(fmt.Sprintf("%d of 200", most), func(b *testing.B) {
			s := newStopwatch(b)
			for range b.N {
				e := benchEngine()
				for i := range 200 {
					e.AddFramework(inRole(i, "*"))
				}
				for i := range 2000 {
					e.AddAgent(machine(i, 24, 4096, 4096))
				}
				e.decline(e.tickAt(1), 0)
				for i := range most {
					s.time("suppress", func() { e.Suppress(frameworkID(i), nil) })
					var grants []Grant
					s.time("run", func() { grants = e.tickAt(2 + i) })
					e.decline(grants, 0)
				}
			}
			s.report()
		})
	}
}

// Reservations with many different labels on each agent, as ResourceLabels of Mesos.
func BenchmarkLabels(b *testing.B) {
	s := newStopwatch(b)
	for range b.N {
		e := benchEngine()
		for i := range 50 {
			e.AddFramework(inRole(i, "role1"))
		}
		for i := range 1000 {
			a := machine(i, 24, 4096, 4096)
			for j := range 10 {
				a.Total.put(Kind{Name: "cpus", Role: "role1", Detail: fmt.Sprintf("label %d of %d", j, i)}, Milli)
			}
			e.AddAgent(a)
		}
		var grants []Grant
		s.time("run", func() { grants = e.tickAt(1) })
		s.time("decline", func() { e.decline(grants, forever) })
		s.time("next-run", func() { e.tickAt(2) })
	}
	s.report()
}

// Persistent volumes on every agent, as PersistentVolumes of Mesos.
func BenchmarkVolumes(b *testing.B) {
	s := newStopwatch(b)
	for range b.N {
		e := benchEngine()
		for i := range 50 {
			e.AddFramework(inRole(i, "role1"))
		}
		for i := range 1000 {
			a := machine(i, 24, 4096, 4096)
			for j := range 10 {
				a.Total.put(Kind{Name: "disk", Role: "role1", Size: 64 * Milli, Detail: fmt.Sprintf("volume %d-%d", i, j)}, 1)
			}
			e.AddAgent(a)
		}
		s.time("run", func() { e.tickAt(1) })
	}
	s.report()
}

// Reading the metrics of 1,000 roles, as Metrics of Mesos.
func BenchmarkFigures(b *testing.B) {
	e := benchEngine()
	for i := range 1000 {
		e.AddFramework(inRole(i, fmt.Sprintf("role%d", i)))
		e.AddAgent(machine(i, 24, 4096, 4096))
	}
	e.tickAt(1)
	for b.Loop() {
		e.Figures()
	}
}

// Conversions of what is held, as UpdateAllocation of Mesos.
func BenchmarkConvert(b *testing.B) {
	e := benchEngine()
	e.AddFramework(inRole(0, "role1"))
	e.AddAgent(machine(0, 24, 4096, 4096))
	grants := e.tickAt(1)
	var free, reserved Bundle
	free.put(Kind{Name: "cpus"}, 4*Milli)
	reserved.put(Kind{Name: "cpus", Role: "role1"}, 4*Milli)
	for b.Loop() {
		e.Convert(grants[0].Framework, "role1", grants[0].Agent, []Conversion{{free, reserved}})
		e.Convert(grants[0].Framework, "role1", grants[0].Agent, []Conversion{{reserved, free}})
	}
}

// Sorting all clients after the total changed, flat and deep: the worst that the order can meet.
func BenchmarkFullSort(b *testing.B) {
	for name, role := range map[string]func(int) string{
		"flat": func(i int) string { return fmt.Sprintf("role%d", i) },
		"deep": func(i int) string { return fmt.Sprintf("org%d/dep%d/team%d/app%d", i%10, i/10%10, i/100%10, i/1000) },
	} {
		b.Run(name, func(b *testing.B) {
			e := benchEngine()
			chance := rand.New(rand.NewPCG(1, 2))
			for i := range 5000 {
				e.AddFramework(inRole(i, role(i)))
			}
			for i := range 5000 {
				a := machine(i, 24, 4096, 4096)
				a.Used = []Use{{frameworkID(i), role(i), scalarBundle(int64(1+chance.IntN(20)), int64(1+chance.IntN(4000)), 0)}}
				e.AddAgent(a)
			}
			for b.Loop() {
				e.epoch++
				if len(e.Roles()) != 5000 {
					b.Fatal("roles?")
				}
			}
		})
	}
}

// A working cluster: every second, one task in a hundred ends, half of the frameworks that get an offer take a quarter of the
// agent, and everybody declines the rest for five seconds.
func BenchmarkChurn(b *testing.B) {
	for _, size := range [][2]int{{20000, 200}, {100000, 100}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			churn(b, size[0], size[1])
		})
	}
}

func churn(b *testing.B, agents, frameworks int) {
	e := benchEngine()
	for i := range frameworks {
		e.AddFramework(inRole(i, fmt.Sprintf("role%d", i%20)))
	}
	for i := range agents {
		e.AddAgent(machine(i, int64(8+i%4*8), 32768, 4096))
	}
	chance := rand.New(rand.NewPCG(1, 2))
	var tasks []Grant
	second := 0
	step := func(s *stopwatch) {
		second++
		var grants []Grant
		s.time("run", func() { grants = e.tickAt(second) })
		s.time("returns", func() {
			for i, g := range grants {
				left := g
				if i%2 == 0 {
					left.Bundle = nil
					task := g
					task.Bundle = nil
					for _, r := range g.Bundle {
						if r.Kind.Name == "cpus" || r.Kind.Name == "mem" {
							some := r
							some.N = min(map[string]int64{"cpus": 2000, "mem": 8192000}[r.Kind.Name], r.N)
							task.Bundle = append(task.Bundle, some)
							r.N -= some.N
						}
						if r.N > 0 || r.Set != nil {
							left.Bundle = append(left.Bundle, r)
						}
					}
					tasks = append(tasks, task)
				}
				e.decline([]Grant{left}, 5*time.Second)
			}
			for range len(tasks) / 100 {
				i := chance.IntN(len(tasks))
				g := tasks[i]
				tasks[i] = tasks[len(tasks)-1]
				tasks = tasks[:len(tasks)-1]
				e.decline([]Grant{g}, 0)
			}
		})
	}
	warm := newStopwatch(b)
	for range 10 {
		step(warm)
	}
	s := newStopwatch(b)
	for range b.N {
		step(s)
	}
	s.report()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Storm is a cluster in bad weather.
type Storm struct {
	*cluster
	begun time.Time
	work  sync.WaitGroup

	mu       sync.Mutex
	timeline []string
	hurt     []Hurt
	done     map[Kind]int
	crashes  []string // ends that nobody asked for and that are bugs
	leaders  observed
}

// Result is what a storm found.
type Result struct {
	*Verdict
	Plan       int // faults that were planned
	Done       map[Kind]int
	Leaderless Pause
	Unsettled  string // what did not become calm
	Timeline   []string
	Took       time.Duration
	begun      time.Time
}

// IsBroken says whether a promise was.
func (r *Result) IsBroken() bool { return len(r.Broken) > 0 }

const (
	// gathering is how long a cluster may take to be there, and calming how long to be well after a storm: the longest
	// that an agent may wait before it tries something again, and a session of Consul that has to run out twice.
	gathering = 90 * time.Second
	calming   = 4 * time.Minute
)

// Run starts a cluster, does to it what the plan of the seed says, lets it become calm, and judges. Nothing is left of
// it but its directory.
func Run(ctx context.Context, c Config) (*Result, error) {
	s := &Storm{done: map[Kind]int{}, begun: time.Now()}
	var err error
	s.cluster, err = newCluster(c, s.ended)
	defer s.end()
	if err != nil {
		return nil, err
	}
	if err := s.gather(ctx); err != nil {
		return nil, err
	}
	s.begun = time.Now()
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() { defer close(watched); s.observe(watching) }()
	plan := Plan(c.Seed, c.Length, c.Shape)
	s.rage(ctx, plan)
	if ctx.Err() == nil {
		s.say("the storm is over")
	}
	unsettled := s.settle(ctx)
	stop()
	<-watched
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return s.judge(len(plan), unsettled)
}

// say adds a line to the timeline.
func (s *Storm) say(format string, args ...any) {
	line := fmt.Sprintf("%9.3fs  %s", time.Since(s.begun).Seconds(), fmt.Sprintf(format, args...))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timeline = append(s.timeline, line)
	fmt.Fprintln(s.Out, line)
}

// ended hears of a process that ended by itself. A master that lost its term does, and a framework or an agent that was
// sent away; a panic never is what anybody meant.
func (s *Storm) ended(n *Node, how string) {
	s.say("%s ended by itself: %s", n.Name, how)
	words := n.LastWords()
	if strings.Contains(words, "panic") || strings.Contains(words, "which is a bug of meseta") || strings.Contains(words, "fatal error") {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.crashes = append(s.crashes, fmt.Sprintf("%s crashed: …%s", n.Name, words))
	}
}

// gather starts everybody, and waits until the agents are members and offers have come to each framework.
func (s *Storm) gather(ctx context.Context) error {
	if err := s.startConsul(); err != nil {
		return err
	}
	for _, name := range s.order {
		if err := s.nodes[name].Start(); err != nil {
			return err
		}
	}
	return s.until(ctx, gathering, func() string {
		if n := s.present(ctx); n < s.Agents {
			return fmt.Sprintf("%d of %d agents are there", n, s.Agents)
		}
		journals, err := s.journals()
		if err != nil {
			return err.Error()
		}
		for name, facts := range journals {
			if !has(facts, Offered) {
				return name + " has no offers"
			}
		}
		return ""
	})
}

func has(facts []Fact, what What) bool {
	for _, f := range facts {
		if f.What == what {
			return true
		}
	}
	return false
}

// until waits until nothing is missing.
func (s *Storm) until(ctx context.Context, patience time.Duration, missing func() string) error {
	late := time.After(patience)
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		what := missing()
		if what == "" {
			return nil
		}
		select {
		case <-tick.C:
		case <-late:
			return fmt.Errorf("after %v still: %s", patience, what)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// present counts the agents that are active members, by their names.
func (s *Storm) present(ctx context.Context) int {
	names := map[string]bool{}
	for _, m := range s.members(ctx) {
		if m.Active {
			names[m.Hostname] = true
		}
	}
	return len(names)
}

// rage does what is planned, when it is due.
func (s *Storm) rage(ctx context.Context, plan []Fault) {
	for _, f := range plan {
		if !pause(ctx, f.At-time.Since(s.begun)) {
			break
		}
		s.work.Go(func() { s.inflict(ctx, f) })
	}
	pause(ctx, s.Length-time.Since(s.begun))
	s.work.Wait()
}

// pause waits; false: the storm is broken off.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// inflict does one thing and undoes it.
func (s *Storm) inflict(ctx context.Context, f Fault) {
	var undo func()
	switch {
	case f.Kind == Cut || f.Kind == Slow:
		if f.Other == executorsName {
			s.hurts(Silent, s.idOf(ctx, f.Target), "")
		}
		s.ways.Set(&f)
		undo = func() { s.ways.Lift(&f) }
	case f.Kind == Reset:
		s.ways.Reset(f.Target)
	case f.Kind == Gone:
		undo = s.retire(ctx, f)
	case strings.HasPrefix(f.Target, "executor"):
		undo = s.hurtExecutor(f)
	case strings.HasPrefix(f.Target, "consul"):
		undo = s.hurtConsul(f)
	default:
		undo = s.hurtNode(f)
	}
	if undo == nil && f.Kind != Reset {
		s.say("%v: nobody is there", f)
		return
	}
	s.say("%v", f)
	s.mu.Lock()
	s.done[f.Kind]++
	s.mu.Unlock()
	if undo != nil {
		pause(ctx, f.For)
		undo()
	}
}

func (s *Storm) hurts(how Harm, agent, executor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurt = append(s.hurt, Hurt{At: time.Now(), How: how, Agent: agent, Executor: executor})
}

func (s *Storm) hurtNode(f Fault) func() {
	n := s.nodes[f.Target]
	if n.Pid() == 0 {
		return nil
	}
	if f.Kind == Freeze {
		n.Freeze()
		return n.Thaw
	}
	n.End(map[Kind]syscall.Signal{Kill: syscall.SIGKILL, Term: syscall.SIGTERM}[f.Kind], false)
	return func() {
		n.Wait(10 * time.Second)
		if err := n.Start(); err != nil {
			s.say("%s: %v", n.Name, err)
		}
	}
}

// hurtExecutor hurts one of an agent's executors.
func (s *Storm) hurtExecutor(f Fault) func() {
	all := runners(s.workDir("agent" + strings.TrimPrefix(f.Target, "executor")))
	if len(all) == 0 {
		return nil
	}
	r := all[f.Pick%uint64(len(all))]
	if f.Kind == Freeze {
		s.hurts(Silent, r.Agent, r.Executor)
		_ = syscall.Kill(r.Pid, syscall.SIGSTOP)
		return func() { _ = syscall.Kill(r.Pid, syscall.SIGCONT) }
	}
	s.hurts(Killed, r.Agent, r.Executor)
	_ = syscall.Kill(r.Pid, syscall.SIGKILL)
	return func() {}
}

func (s *Storm) hurtConsul(f Fault) func() {
	if s.consul == nil {
		return nil
	}
	var i int
	_, _ = fmt.Sscanf(f.Target, "consul%d", &i)
	do, undo := s.consul.Kill, s.consul.Restart
	if f.Kind == Freeze {
		do, undo = s.consul.Stop, s.consul.Continue
	}
	if err := do(i - 1); err != nil {
		s.say("%s: %v", f.Target, err)
		return nil
	}
	return func() {
		if err := undo(i - 1); err != nil {
			s.say("%s: %v", f.Target, err)
		}
	}
}

// idOf is the id under which the leader knows an agent.
func (s *Storm) idOf(ctx context.Context, agent string) string {
	for _, m := range s.members(ctx) {
		if m.Hostname == agent {
			return m.ID
		}
	}
	return ""
}

// retire has an operator give an agent up. It goes on trying to come back, and then its machine is replaced.
func (s *Storm) retire(ctx context.Context, f Fault) func() {
	id := s.idOf(ctx, f.Target)
	leader := s.leader(ctx)
	if id == "" || leader < 0 {
		return nil
	}
	s.hurts(Retired, id, "") // also if the answer is lost
	err := s.post(ctx, leader, fmt.Sprintf(`{"type": "MARK_AGENT_GONE", "mark_agent_gone": {"agent_id": {"value": %q}}}`, id))
	if err != nil {
		// Whether it is gone is not known, so nothing may be concluded from its return.
		s.say("marking %s gone: %v", f.Target, err)
		s.mu.Lock()
		for i := range s.hurt {
			if s.hurt[i].Agent == id && s.hurt[i].How == Retired {
				s.hurt[i].Doubtful = true
			}
		}
		s.mu.Unlock()
	}
	return func() {
		n := s.nodes[f.Target]
		n.End(syscall.SIGKILL, false)
		n.Wait(10 * time.Second)
		if err := exterminate(s.workDir(f.Target)); err != nil {
			s.say("%v", err)
		}
		s.cluster.mu.Lock()
		s.turns[f.Target]++
		s.cluster.mu.Unlock()
		s.say("%s has a new machine", f.Target)
		if err := n.Start(); err != nil {
			s.say("%s: %v", n.Name, err)
		}
	}
}

// settle tells the frameworks that it is over, and waits until every task has an end and everybody is back. It returns
// what is not well.
func (s *Storm) settle(ctx context.Context) string {
	if err := os.WriteFile(filepath.Join(s.Dir, "calm"), nil, 0o644); err != nil {
		return err.Error()
	}
	err := s.until(ctx, calming, func() string {
		if n := s.present(ctx); n < s.Agents {
			return fmt.Sprintf("%d of %d agents are back", n, s.Agents)
		}
		return s.open()
	})
	if err == nil {
		s.say("all is calm")
		return ""
	}
	return err.Error()
}

// open is a task that has no end yet, or a process that has outlived its task.
func (s *Storm) open() string {
	e, err := s.evidence()
	if err != nil {
		return err.Error()
	}
	if open := Judge(e).Open; len(open) > 0 {
		return open[0]
	}
	for name := range s.nodes {
		if !strings.HasPrefix(name, "agent") {
			continue
		}
		for _, r := range runners(s.workDir(name)) {
			if !strings.HasPrefix(r.Executor, "custom-") {
				return fmt.Sprintf("the executor of task %s still runs on %s, as process %d", r.Executor, name, r.Pid)
			}
		}
	}
	return ""
}

// evidence collects what there is.
func (s *Storm) evidence() (Evidence, error) {
	journals, err := s.journals()
	if err != nil {
		return Evidence{}, err
	}
	marks, err := readMarks(filepath.Join(s.Dir, "marks"))
	s.mu.Lock()
	defer s.mu.Unlock()
	return Evidence{Journals: journals, Marks: marks, Hurt: append([]Hurt(nil), s.hurt...), Capacity: capacity}, err
}

func (s *Storm) journals() (map[string][]Fact, error) {
	all := map[string][]Fact{}
	for i := range s.Frameworks {
		c := s.child(i)
		facts, err := ReadFacts(c.journal())
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		all[c.Name] = facts
	}
	return all, nil
}

// readMarks reads what tasks left.
func readMarks(dir string) (map[string][]Mark, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	marks := map[string][]Mark{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			var what string
			var nanos int64
			if n, _ := fmt.Sscan(line, &what, &nanos); n == 2 {
				marks[e.Name()] = append(marks[e.Name()], Mark{what, time.Unix(0, nanos)})
			}
		}
	}
	return marks, nil
}

func (s *Storm) judge(planned int, unsettled string) (*Result, error) {
	e, err := s.evidence()
	if err != nil {
		return nil, err
	}
	v := Judge(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	if unsettled != "" {
		v.Broken = append(v.Broken, "it did not become calm: "+unsettled)
	}
	v.Broken = append(v.Broken, s.crashes...)
	return &Result{Verdict: v, Plan: planned, Done: s.done, Leaderless: s.leaders.longest, Unsettled: unsettled, Timeline: s.timeline, Took: time.Since(s.begun), begun: s.begun}, nil
}

// end leaves no process and no way.
func (s *Storm) end() {
	if s.cluster == nil {
		return
	}
	s.work.Wait()
	for _, n := range s.nodes {
		n.End(syscall.SIGKILL, true)
	}
	for _, n := range s.nodes {
		n.Wait(10 * time.Second)
	}
	if s.consul != nil {
		_ = s.consul.Close()
	}
	s.ways.Close()
	if err := exterminate(s.Dir); err != nil {
		s.say("%v", err)
	}
}

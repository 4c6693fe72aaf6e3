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

	"github.com/meseta-io/meseta/tools/leftovers"
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
	if err := errors.Join(exterminate(s.Dir), leftovers.Remove(s.Dir)); err != nil {
		s.say("%v", err)
	}
}

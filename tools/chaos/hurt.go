package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"
)

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

package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Child is what a process of the storm's own is told: a framework or a custom executor.
type Child struct {
	Role    string   `json:"role"` // framework, web or executor
	Name    string   `json:"name"`
	Dir     string   `json:"dir"` // of the storm: journals, marks, and the file that says that it is over
	Self    string   `json:"self"`
	Masters []string `json:"masters"`
	Listen  string   `json:"listen"`
	Known   string   `json:"known"` // the address by which others know it
	AtOnce  int      `json:"at_once"`
	Seed    uint64   `json:"seed"`
}

// childVariable makes this program a child.
const childVariable = "CHAOS_CHILD"

func (c Child) variable() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return childVariable + "=" + string(text)
}

// Files of a storm.
func (c Child) journal() string         { return filepath.Join(c.Dir, "journals", c.Name) }
func (c Child) mark(task string) string { return filepath.Join(c.Dir, "marks", task) }
func (c Child) calm() bool {
	_, err := os.Stat(filepath.Join(c.Dir, "calm"))
	return err == nil
}

// speaker is how a brain talks to the cluster: the library's driver, or the plain HTTP API.
type speaker interface {
	Accept(plan *scheduler.Plan)
	Acknowledge(s *mesospb.TaskStatus)
	Reconcile(tasks ...*schedulerpb.Call_Reconcile_Task)
	Kill(task *mesospb.TaskID, agent *mesospb.AgentID, policy *mesospb.KillPolicy)
}

// brain is what every framework here does: it keeps some tasks going, and writes everything down. It remembers
// nothing that its journal does not.
type brain struct {
	Child
	journal *Journal
	r       *rand.Rand
	id      string
	next    int
	live    map[string]*errand
}

// errand is a task that is not known to have ended.
type errand struct {
	agent    string
	executor string
	since    time.Time
	kill     time.Time // when to be killed; zero: never
}

// newBrain continues from a journal.
func newBrain(c Child) (*brain, error) {
	j, facts, err := OpenJournal(c.journal())
	if err != nil {
		return nil, err
	}
	b := &brain{Child: c, journal: j, live: map[string]*errand{}}
	lives := uint64(0)
	for _, f := range facts {
		switch f.What {
		case Begun:
			lives++
		case Subscribed:
			b.id = f.ID
		case Launched:
			b.next++
			b.live[f.Task] = &errand{agent: f.Agent, executor: f.Executor, since: f.Time()}
		case Told:
			if over(f.State) {
				delete(b.live, f.Task)
			}
		}
	}
	b.r = rand.New(rand.NewPCG(c.Seed, lives))
	j.Write(Fact{What: Begun})
	return b, nil
}

func over(state string) bool {
	return scheduler.Terminal(mesospb.TaskState(mesospb.TaskState_value[state]))
}

// description is how the framework subscribes.
func (b *brain) description() *mesospb.FrameworkInfo {
	f := &mesospb.FrameworkInfo{
		User: proto.String(""), Name: proto.String(b.Name), Checkpoint: proto.Bool(true), FailoverTimeout: proto.Float64(3600),
		Capabilities: []*mesospb.FrameworkInfo_Capability{{Type: mesospb.FrameworkInfo_Capability_PARTITION_AWARE.Enum()}},
	}
	if b.id != "" {
		f.Id = &mesospb.FrameworkID{Value: proto.String(b.id)}
	}
	return f
}

func (b *brain) subscribed(s speaker, id string) {
	b.id = id
	b.journal.Write(Fact{What: Subscribed, ID: id})
	b.reconcile(s)
}

// reconcile asks for every task that is not known to have ended. What was lost on the way is found out like that.
func (b *brain) reconcile(s speaker) {
	var ask []*schedulerpb.Call_Reconcile_Task
	for _, id := range slices.Sorted(maps.Keys(b.live)) {
		t := &schedulerpb.Call_Reconcile_Task{TaskId: &mesospb.TaskID{Value: proto.String(id)}}
		if a := b.live[id].agent; a != "" {
			t.AgentId = &mesospb.AgentID{Value: proto.String(a)}
		}
		ask = append(ask, t)
	}
	if len(ask) > 0 {
		s.Reconcile(ask...)
	}
}

// tick is called every second.
func (b *brain) tick(s speaker) {
	now := time.Now()
	for _, id := range slices.Sorted(maps.Keys(b.live)) {
		if e := b.live[id]; !e.kill.IsZero() && now.After(e.kill) {
			e.kill = time.Time{}
			b.journal.Write(Fact{What: KillAsked, Task: id})
			s.Kill(&mesospb.TaskID{Value: proto.String(id)}, &mesospb.AgentID{Value: proto.String(e.agent)}, nil)
		}
	}
}

func (b *brain) offers(s speaker, offers []*mesospb.Offer) {
	calm := b.calm()
	for _, o := range offers {
		has := resources.FromValid(o.GetResources())
		b.journal.Write(Fact{What: Offered, ID: o.GetId().GetValue(), Agent: o.GetAgentId().GetValue(), Milli: int64(has.CPUs())})
		plan := scheduler.NewPlan(o).Refuse(time.Duration(500+b.r.IntN(1000)) * time.Millisecond)
		for n := b.r.IntN(4); !calm && n > 0 && len(b.live) < b.AtOnce; n-- {
			if !b.launch(plan, o.GetAgentId().GetValue()) {
				break
			}
		}
		s.Accept(plan)
	}
}

// launch adds a task: mostly a short one, sometimes one that outlasts most faults; most by the command executor, some
// by an executor of ours that stays.
func (b *brain) launch(plan *scheduler.Plan, agent string) bool {
	id := fmt.Sprintf("%s-%d", b.Name, b.next)
	length := time.Duration(50+b.r.IntN(3000)) * time.Millisecond
	if b.r.IntN(5) == 0 {
		length = time.Duration(5+b.r.IntN(35)) * time.Second
	}
	cpus := int64(200 + 100*b.r.IntN(9))
	needs, err := resources.Parse(fmt.Sprintf("cpus:%.1f;mem:32", float64(cpus)/1000))
	if err != nil {
		panic(err)
	}
	line := fmt.Sprintf("echo begin $(date +%%s%%N) >>%[1]s; sleep %.3[2]f; echo end $(date +%%s%%N) >>%[1]s", b.mark(id), length.Seconds())
	task, executor := scheduler.Shell(id, line, needs), id
	if b.r.IntN(4) == 0 {
		executor = "custom-" + agent
		task.Command, task.Executor = nil, b.executor(executor)
		task.Data = []byte(length.String())
	}
	if !plan.Launch(task) {
		return false
	}
	b.next++
	e := &errand{agent: agent, executor: executor, since: time.Now()}
	if b.r.IntN(12) == 0 {
		e.kill = e.since.Add(length / 2)
	}
	b.live[id] = e
	b.journal.Write(Fact{What: Launched, Task: id, Agent: agent, Executor: executor, Milli: cpus})
	return true
}

// executor is this program as a custom executor. It stays, and runs the tasks that come.
func (b *brain) executor(id string) *mesospb.ExecutorInfo {
	needs, err := resources.Parse("cpus:0.1;mem:32")
	if err != nil {
		panic(err)
	}
	variable, value, _ := strings.Cut(Child{Role: "executor", Dir: b.Dir}.variable(), "=")
	return &mesospb.ExecutorInfo{
		Type: mesospb.ExecutorInfo_CUSTOM.Enum(), ExecutorId: &mesospb.ExecutorID{Value: proto.String(id)},
		FrameworkId: &mesospb.FrameworkID{Value: proto.String(b.id)}, Resources: needs.Proto(),
		Command: &mesospb.CommandInfo{
			Shell: proto.Bool(false), Value: proto.String(b.Self), Arguments: []string{b.Self},
			Environment: &mesospb.Environment{Variables: []*mesospb.Environment_Variable{{Name: proto.String(variable), Value: proto.String(value)}}},
		},
	}
}

// came is an update as it arrives, told or not.
func (b *brain) came(s *mesospb.TaskStatus) { b.journal.Write(factOf(Came, s)) }

// told is an update that counts. It is written down before it is acknowledged.
func (b *brain) told(s speaker, status *mesospb.TaskStatus) {
	b.journal.Write(factOf(Told, status))
	if scheduler.Terminal(status.GetState()) {
		delete(b.live, status.GetTaskId().GetValue())
	}
	s.Acknowledge(status)
}

func factOf(what What, s *mesospb.TaskStatus) Fact {
	f := Fact{What: what, Task: s.GetTaskId().GetValue(), Agent: s.GetAgentId().GetValue(), State: s.GetState().String(),
		UUID: hex.EncodeToString(s.GetUuid()), Message: s.GetMessage(), Executor: s.GetExecutorId().GetValue()}
	if s.Reason != nil {
		f.Reason = s.GetReason().String()
	}
	return f
}

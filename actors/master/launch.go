package master

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/capabilities"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// launch starts tasks one by one: one that is refused takes nothing from those after it.
func (m *Master) launch(s *spending, op *mesospb.Offer_Operation) {
	f, a := s.framework, s.agent
	for _, asked := range op.GetLaunch().GetTaskInfos() {
		t := allocated(asked, f, s.role)
		if err := m.mayRun(f, nil, t); err != nil {
			m.neverRan(s, t, nil, mesospb.TaskState_TASK_ERROR, mesospb.TaskStatus_REASON_TASK_UNAUTHORIZED, err)
			continue
		}
		m.lend(s, t)
		err := noFeedback(op)
		if err == nil {
			err = validation.Task(t, m.place(s))
		}
		if err != nil {
			m.neverRan(s, t, nil, mesospb.TaskState_TASK_ERROR, mesospb.TaskStatus_REASON_TASK_INVALID, err)
			continue
		}
		fresh := t.Executor == nil || m.ensureExecutor(s, t.Executor)
		m.start(s, t, t.Executor)
		m.Send(a.pid, &controlpb.RunTask{Framework: f.info, Task: t, LaunchExecutor: proto.Bool(fresh), Epoch: m.stamp()})
		m.traceSent(s, t.GetTaskId().GetValue())
	}
}

// launchGroup starts a pod: all of its tasks or none.
func (m *Master) launchGroup(s *spending, op *mesospb.Offer_Operation) {
	f, a := s.framework, s.agent
	group, executor := &mesospb.TaskGroupInfo{}, proto.CloneOf(op.GetLaunchGroup().GetExecutor())
	allocate(executor.GetResources(), s.role)
	for _, t := range op.GetLaunchGroup().GetTaskGroup().GetTasks() {
		group.Tasks = append(group.Tasks, allocated(t, f, s.role))
	}
	reason := mesospb.TaskStatus_REASON_TASK_GROUP_UNAUTHORIZED
	err := m.mayRun(f, executor, group.GetTasks()...)
	if err == nil {
		reason = mesospb.TaskStatus_REASON_TASK_GROUP_INVALID
		err = noFeedback(op)
	}
	if err == nil {
		err = validation.TaskGroup(group, executor, m.place(s))
	}
	if err != nil {
		for _, t := range group.GetTasks() {
			m.neverRan(s, t, executor, mesospb.TaskState_TASK_ERROR, reason, err)
		}
		return
	}
	fresh := m.ensureExecutor(s, executor)
	for _, t := range group.GetTasks() {
		t.Executor = nil // it is said once
		m.start(s, t, executor)
	}
	m.Send(a.pid, &controlpb.RunTaskGroup{Framework: f.info, Executor: executor, TaskGroup: group,
		LaunchExecutor: proto.Bool(fresh), Epoch: m.stamp()})
	for _, t := range group.GetTasks() {
		m.traceSent(s, t.GetTaskId().GetValue())
	}
}

// noFeedback refuses an operation id on launches: their feedback is the tasks' own updates.
func noFeedback(op *mesospb.Offer_Operation) error {
	if op.Id == nil {
		return nil
	}
	return fmt.Errorf("the id of operation %s must not be set: tasks have updates of their own: %w", op.GetType(), fault.ErrInvalid)
}

// place is what validation has to know of where a task is going to run.
func (m *Master) place(s *spending) validation.Place {
	f, a := s.framework, s.agent
	seen := map[string]bool{} // within one pod
	return validation.Place{
		FrameworkID: f.id, AgentID: a.id, Role: s.role, Offered: s.left,
		CanLimit: capabilities.OfAgent(a.capabilities).Has(mesospb.AgentInfo_Capability_TASK_RESOURCE_LIMITS),
		Executor: func(id string) *mesospb.ExecutorInfo {
			if e := a.executor(f.id, id); e != nil {
				return e.info
			}
			return nil
		},
		TaskID: func(id string) error {
			if f.tasks[id] != nil || seen[id] {
				return fmt.Errorf("another task has the id %q: %w", id, fault.ErrInvalid)
			}
			if _, ok := f.unreachable.find(id); ok {
				return fmt.Errorf("an unreachable task has the id %q: %w", id, fault.ErrInvalid)
			}
			seen[id] = true
			return nil
		},
		Containers: func(executor string) (list []*mesospb.ContainerInfo) {
			for _, t := range a.tasks[f.id] {
				if t.info.GetExecutorId().GetValue() == executor && !over(t.info.GetState()) {
					list = append(list, t.info.Container)
				}
			}
			return list
		},
	}
}

// allocated is a task whose resources say to which role they are allocated, and whose executor says whose it
// is: frameworks may leave both out.
func allocated(t *mesospb.TaskInfo, f *framework, role string) *mesospb.TaskInfo {
	if t == nil {
		return &mesospb.TaskInfo{}
	}
	t = proto.CloneOf(t)
	allocate(t.Resources, role)
	adopt(t.Executor, f, role)
	return t
}

func adopt(e *mesospb.ExecutorInfo, f *framework, role string) {
	if e == nil {
		return
	}
	if e.FrameworkId == nil {
		e.FrameworkId = f.info.Id
	}
	allocate(e.Resources, role)
}

func allocate(rs []*mesospb.Resource, role string) {
	for _, r := range rs {
		if r != nil && r.GetAllocationInfo().GetRole() == "" {
			r.AllocationInfo = &mesospb.Resource_AllocationInfo{Role: proto.String(role)}
		}
	}
}

// ensureExecutor books the executor of a task. It reports whether it is new, and then pays for it.
func (m *Master) ensureExecutor(s *spending, e *mesospb.ExecutorInfo) (fresh bool) {
	if s.agent.executor(s.framework.id, e.GetExecutorId().GetValue()) != nil {
		return false
	}
	s.pay(m.addExecutor(s.agent, s.framework.id, e).held)
	return true
}

// start books a task and pays for it.
func (m *Master) start(s *spending, t *mesospb.TaskInfo, executor *mesospb.ExecutorInfo) {
	booked := m.addTask(s.framework, s.agent, taskOf(t, s.framework.info.Id, executor))
	s.pay(booked.held)
	m.detail("task launched", "framework", s.framework.id, "agent", s.agent.id, "task", booked.id, "resources", booked.held)
}

func (s *spending) pay(rs resources.Resources) { s.left = s.left.Subtract(rs) }

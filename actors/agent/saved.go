package agent

import (
	"context"
	"errors"
	"fmt"
	"path"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// savedState is what an earlier agent process wrote.
type savedState struct {
	root       string                     // where it was: the work directory, absolute
	agent      *controlpb.AgentCheckpoint // nil: there was none
	drain      draining
	frameworks []savedFramework
	resources  *controlpb.ResourcesCheckpoint // nil: nothing was ever reserved
	// damaged says what could not be read and was left out; only without --strict.
	damaged []error
	// repairs cut off what a crash tore, before anything is appended.
	repairs []Change
}

type savedFramework struct {
	info      *mesospb.FrameworkInfo
	executors []savedExecutor
}

type savedExecutor struct {
	run    run
	record *controlpb.ExecutorCheckpoint
	tasks  []savedTask
}

type savedTask struct {
	info    *mesospb.TaskInfo
	records []*controlpb.UpdateRecord
}

// rebooted tells whether the machine was started since.
func (s *savedState) rebooted(boot string) bool {
	return boot != "" && s.agent.GetBootId() != "" && s.agent.GetBootId() != boot
}

// loader reads the meta directory.
type loader struct {
	ctx    context.Context
	disk   Disk
	strict bool
	state  *savedState
}

// load reads everything below meta/ of the latest agent.
func load(ctx context.Context, disk Disk, strict bool) (*savedState, error) {
	l := &loader{ctx: ctx, disk: disk, strict: strict, state: &savedState{}}
	// Whoever cannot read whose its resources are would give them away: strict or not.
	holdings := &controlpb.ResourcesCheckpoint{}
	switch err := l.read(resourcesFile, holdings); {
	case err == nil:
		l.state.resources = holdings
	case !errors.Is(err, fault.ErrNotFound):
		return nil, err
	}
	record := &controlpb.AgentCheckpoint{}
	err := l.read(latestAgent+"/"+agentFile, record)
	if errors.Is(err, fault.ErrNotFound) {
		return l.state, nil // a new agent; or one that ended before it was admitted
	}
	if err != nil {
		return nil, err // without an identity there is nothing to recover: strict or not
	}
	l.state.agent = record
	agent := record.GetAgent().GetId().GetValue()
	if err := l.loadDrain(agent); err != nil {
		return nil, err
	}
	frameworks, err := l.names(agentMeta(agent) + "/frameworks")
	if err != nil {
		return nil, err
	}
	for _, id := range frameworks {
		if err := l.framework(agent, id); err != nil {
			return nil, err
		}
	}
	return l.state, nil
}

// skip decides what a checkpoint that cannot be read means: the end, or without --strict a loss.
func (l *loader) skip(err error) error {
	if l.strict && !errors.Is(err, fault.ErrNotFound) {
		return fmt.Errorf("%w (--no-strict recovers what can be read)", err)
	}
	l.state.damaged = append(l.state.damaged, err)
	return nil
}

func (l *loader) framework(agent, id string) error {
	dir := frameworkMeta(agent, id)
	record := &controlpb.FrameworkCheckpoint{}
	if err := l.read(dir+"/"+frameworkFile, record); err != nil {
		return l.skip(err)
	}
	f := savedFramework{info: record.GetFramework()}
	executors, err := l.names(dir + "/executors")
	if err != nil {
		return err
	}
	for _, executor := range executors {
		containers, err := l.names(dir + "/executors/" + executor + "/runs")
		if err != nil {
			return err
		}
		for _, container := range containers {
			e, err := l.executor(run{agent, id, executor, container})
			if err != nil {
				return err
			}
			if e != nil {
				f.executors = append(f.executors, *e)
			}
		}
	}
	l.state.frameworks = append(l.state.frameworks, f)
	return nil
}

func (l *loader) executor(r run) (*savedExecutor, error) {
	name := runMeta(r) + "/" + executorFile
	data, err := l.disk.Read(l.ctx, name)
	if err != nil {
		return nil, l.skip(err)
	}
	record, good := decodeExecutor(data)
	if record == nil {
		return nil, l.skip(fmt.Errorf("%s: %w", name, errDamaged))
	}
	l.repair(name, data, good)
	e := &savedExecutor{run: r, record: record}
	tasks, err := l.names(runMeta(r) + "/tasks")
	if err != nil {
		return nil, err
	}
	for _, id := range tasks {
		if err := l.task(e, id); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (l *loader) task(e *savedExecutor, id string) error {
	dir := taskMeta(e.run, id)
	record := &controlpb.TaskCheckpoint{}
	if err := l.read(dir+"/"+taskFile, record); err != nil {
		return l.skip(err)
	}
	data, err := l.disk.Read(l.ctx, dir+"/"+journalFile)
	if err != nil && !errors.Is(err, fault.ErrNotFound) {
		return err
	}
	records, good := decodeJournal(data)
	l.repair(dir+"/"+journalFile, data, good)
	e.tasks = append(e.tasks, savedTask{record.GetTask(), records})
	return nil
}

// repair cuts off what a crash tore. Nobody was told of a record whose write did not return, so nothing is lost.
func (l *loader) repair(name string, data []byte, good int) {
	if good < len(data) {
		l.state.repairs = append(l.state.repairs, Change{Kind: Put, Path: name, Data: data[:good]})
	}
}

func (l *loader) read(name string, into proto.Message) error {
	data, err := l.disk.Read(l.ctx, name)
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w: %w", name, errDamaged, err)
	}
	return nil
}

// names lists the folders of a folder. There may be none.
func (l *loader) names(dir string) ([]string, error) {
	files, err := l.disk.List(l.ctx, dir)
	if errors.Is(err, fault.ErrNotFound) {
		return nil, nil
	}
	var names []string
	for _, f := range files {
		if f.Mode.IsDir() {
			names = append(names, path.Base(f.Name))
		}
	}
	return names, err
}

// revive is the executor as it was, with its tasks.
func (s savedExecutor) revive(f *framework) *executor {
	e := &executor{
		framework: f,
		info:      s.record.GetExecutor(),
		run:       s.run,
		command:   s.record.GetCommandExecutor(),
		http:      s.record.GetHttp(),
		sandbox:   s.record.GetSandbox(),
		begun:     true,
		tasks:     map[string]*task{},
		process: containerizer.Process{
			ContainerID: s.run.container,
			PID:         int(s.record.GetPid()),
			StartTicks:  s.record.GetStartTicks(),
		},
	}
	if upid, err := process.ParseUPID(s.record.GetUpid()); err == nil {
		e.upid = upid
	}
	for _, st := range s.tasks {
		t := st.revive()
		if t.stream.ended {
			continue // its folder was about to be removed
		}
		e.tasks[t.id()] = t
		e.spoken = e.spoken || len(st.records) > 0
	}
	return e
}

func (s savedTask) revive() *task {
	t := newTask(s.info)
	t.stored, t.journaled = true, true
	t.stream = replay(s.records)
	for _, r := range s.records {
		if received := r.GetReceived(); received != nil && !taskstate.Terminal(t.state) {
			t.enter(received.GetStatus())
		}
	}
	return t
}

package agent

import (
	"cmp"
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
	ctx  context.Context
	disk Disk
	// lenient goes on without what cannot be read.
	lenient bool
	state   *savedState
}

// load reads everything below meta/ of the latest agent. After a restart of the machine, which boot tells, nothing that
// is written there lives any more, and a loss of power may have taken the last seconds: what cannot be read then ends
// nothing.
func load(ctx context.Context, disk Disk, strict bool, boot string) (*savedState, error) {
	l := &loader{ctx: ctx, disk: disk, state: &savedState{}}
	// Whoever cannot read whose its resources are would give them away: strict or not.
	holdings := &controlpb.ResourcesCheckpoint{}
	switch err := l.read(resourcesFile, holdings); {
	case err == nil:
		l.state.resources = holdings
	case !errors.Is(err, fault.ErrNotFound):
		return nil, fmt.Errorf("%w. It says which resources of this machine are reserved and which volumes are there: "+
			"restore it from a copy, or remove it, which gives them up", unreadable(resourcesFile, err))
	}
	record := &controlpb.AgentCheckpoint{}
	err := l.read(latestAgent+"/"+agentFile, record)
	if errors.Is(err, fault.ErrNotFound) {
		return l.state, nil // a new agent; or one that ended before it was admitted
	}
	if err != nil { // without an identity there is nothing to recover: strict or not
		return nil, fmt.Errorf("%w. It says which agent this is: restore it from a copy, or remove %s below --work_dir to start as a "+
			"new agent, which ends the tasks of the old one", unreadable(latestAgent+"/"+agentFile, err), latestAgent)
	}
	l.state.agent = record
	l.lenient = !strict || l.state.rebooted(boot)
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

// unreadable names the file and the reason.
func unreadable(name string, err error) error {
	if errors.Is(err, errNewer) {
		return fmt.Errorf("%s below --work_dir: %w: start that one", name, err)
	}
	return fmt.Errorf("%s below --work_dir: %w", name, err)
}

// skip decides what a checkpoint that cannot be read means: the end, or without --strict a loss. Nobody loses what a
// newer agent wrote by starting an older one.
func (l *loader) skip(name string, err error) error {
	switch {
	case errors.Is(err, errNewer):
		return unreadable(name, err)
	case !l.lenient:
		return fmt.Errorf("%w. Restore the file from a copy, or start once with --no-strict to go on without what it says", unreadable(name, err))
	}
	l.state.damaged = append(l.state.damaged, unreadable(name, err))
	return nil
}

// clear removes what a crash left of a folder that was about to be made or removed.
func (l *loader) clear(dir string) {
	l.state.repairs = append(l.state.repairs, Change{Kind: Remove, Path: dir})
}

func (l *loader) framework(agent, id string) error {
	name := frameworkMeta(agent, id) + "/" + frameworkFile
	record := &controlpb.FrameworkCheckpoint{}
	missing := l.read(name, record)
	f := savedFramework{info: record.GetFramework()}
	executors, err := l.names(frameworkMeta(agent, id) + "/executors")
	if err != nil {
		return err
	}
	for _, executor := range executors {
		containers, err := l.names(frameworkMeta(agent, id) + "/executors/" + executor + "/runs")
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
	switch {
	case errors.Is(missing, fault.ErrNotFound) && len(f.executors) == 0:
		l.clear(frameworkMeta(agent, id))
		return nil
	case missing != nil: // a framework is written before its executors, and removed after them
		return l.skip(name, missing)
	}
	l.state.frameworks = append(l.state.frameworks, f)
	return nil
}

func (l *loader) executor(r run) (*savedExecutor, error) {
	name := runMeta(r) + "/" + executorFile
	data, err := l.disk.Read(l.ctx, name)
	if errors.Is(err, fault.ErrNotFound) {
		l.clear(runMeta(r))
		return nil, nil
	}
	if err != nil {
		return nil, l.skip(name, err)
	}
	record := decodeFirstExecutor(data)
	if record != nil { // what is learned later is added
		renewed := journal(name, record)
		renewed.Kind = Put
		l.state.repairs = append(l.state.repairs, renewed)
	} else {
		var good int
		record, good, err = decodeExecutor(data)
		if record == nil {
			return nil, l.skip(name, cmp.Or(whole(err), errDamaged)) // its beginning is written in one step
		}
		if err := l.repair(name, good, err); err != nil {
			return nil, err
		}
	}
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
	err := l.read(dir+"/"+taskFile, record)
	if errors.Is(err, fault.ErrNotFound) {
		l.clear(dir)
		return nil
	}
	if err != nil {
		return l.skip(dir+"/"+taskFile, err)
	}
	data, err := l.disk.Read(l.ctx, dir+"/"+journalFile)
	if err != nil && !errors.Is(err, fault.ErrNotFound) {
		return l.skip(dir+"/"+journalFile, err)
	}
	records, good, err := decodeJournal(data)
	if err := l.repair(dir+"/"+journalFile, good, err); err != nil {
		return err
	}
	if isSettled(e.record.GetSettled(), records) {
		l.clear(dir)
		return nil
	}
	e.tasks = append(e.tasks, savedTask{record.GetTask(), records})
	return nil
}

// repair cuts off what cannot be read. Nobody was told of a record whose write did not return, so a torn one is no loss.
func (l *loader) repair(name string, good int, why error) error {
	if why == nil {
		return nil
	}
	if whole(why) != nil {
		if err := l.skip(name, why); err != nil {
			return err
		}
	}
	l.state.repairs = append(l.state.repairs, Change{Kind: Cut, Path: name, Size: int64(good)})
	return nil
}

// whole is an error that is more than a torn write.
func whole(err error) error {
	if errors.Is(err, errTorn) {
		return nil
	}
	return err
}

func (l *loader) read(name string, into proto.Message) error {
	data, err := l.disk.Read(l.ctx, name)
	if err != nil {
		return err
	}
	return decodeFile(data, into)
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
		e.upid, e.home = upid, upid
	}
	e.settled = restored(s.record.GetSettled())
	e.spoken = len(e.settled.tasks) > 0
	for _, st := range s.tasks {
		t := st.revive()
		if t.stream.ended {
			continue // its folder was about to be removed
		}
		e.tasks[t.id()] = t
		e.spoken = e.spoken || t.answered()
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

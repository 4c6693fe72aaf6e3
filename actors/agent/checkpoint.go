package agent

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
)

// put is a Change that stores a record.
func put(path string, m proto.Message) Change {
	data, err := encodeFile(m)
	if err != nil {
		// Required fields are set by whoever built the record; input was checked before.
		panic(fmt.Errorf("checkpoint %s: %w", path, err))
	}
	return Change{Kind: Put, Path: path, Data: data}
}

// journal is a Change that adds a record to a journal.
func journal(path string, r proto.Message) Change {
	frame, err := encodeRecord(r)
	if err != nil {
		panic(fmt.Errorf("checkpoint %s: %w", path, err))
	}
	return Change{Kind: Append, Path: path, Data: frame}
}

// learned is a Change that adds what became known to an executor's journal: a part of the record.
func learned(r run, part *controlpb.ExecutorCheckpoint) Change {
	frame, err := encodeFrame(proto.MarshalOptions{AllowPartial: true}, part)
	if err != nil {
		panic(fmt.Errorf("checkpoint %s: %w", runMeta(r), err))
	}
	return Change{Kind: Append, Path: runMeta(r) + "/" + executorFile, Data: frame}
}

// identity is the agent as it is written down.
func (a *Agent) identity() *controlpb.AgentCheckpoint {
	record := &controlpb.AgentCheckpoint{Version: proto.Uint32(checkpointVersion), Agent: a.info}
	if a.parts.Machine.BootID != "" {
		record.BootId = proto.String(a.parts.Machine.BootID)
	}
	return record
}

func (a *Agent) agentChanges() []Change {
	changes := []Change{
		put(agentMeta(a.id())+"/"+agentFile, a.identity()),
		{Kind: Link, Path: latestAgent, Data: []byte(a.id())},
	}
	if id := a.parts.Machine.BootID; id != "" {
		changes = append(changes, Change{Kind: Put, Path: bootIDFile, Data: []byte(id)})
	}
	for i := range changes {
		changes[i].Durable = true
	}
	return changes
}

func (a *Agent) frameworkChange(f *framework) Change {
	return put(frameworkMeta(a.id(), f.id())+"/"+frameworkFile, &controlpb.FrameworkCheckpoint{
		Version: proto.Uint32(checkpointVersion), Framework: f.info})
}

// executorChange begins the journal of an executor that is about to be started.
func executorChange(e *executor) Change {
	begin := journal(runMeta(e.run)+"/"+executorFile, beginning(e))
	begin.Kind = Put // it is there as a whole, or there is no executor
	return begin
}

func beginning(e *executor) *controlpb.ExecutorCheckpoint {
	return &controlpb.ExecutorCheckpoint{
		Version:         proto.Uint32(checkpointVersion),
		Executor:        e.info,
		ContainerId:     e.containerID(),
		CommandExecutor: proto.Bool(e.command),
	}
}

// launchedChange adds where an executor runs.
func launchedChange(e *executor) Change { return learned(e.run, whereItRuns(e)) }

func whereItRuns(e *executor) *controlpb.ExecutorCheckpoint {
	return &controlpb.ExecutorCheckpoint{
		Sandbox:    proto.String(e.sandbox),
		Pid:        proto.Int32(int32(e.process.PID)),
		StartTicks: proto.Uint64(e.process.StartTicks),
	}
}

// subscribedChange adds whom to tell after a restart of the agent.
func subscribedChange(e *executor) Change { return learned(e.run, whoItIs(e)) }

func whoItIs(e *executor) *controlpb.ExecutorCheckpoint {
	if e.http {
		return &controlpb.ExecutorCheckpoint{Upid: proto.String(""), Http: proto.Bool(true)}
	}
	return &controlpb.ExecutorCheckpoint{Upid: proto.String(e.home.String()), Http: proto.Bool(false)}
}

func taskChange(e *executor, t *task) Change {
	return put(taskMeta(e.run, t.id())+"/"+taskFile, &controlpb.TaskCheckpoint{
		Version: proto.Uint32(checkpointVersion), Task: t.info})
}

package agent

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
)

// checkpointVersion is the form of the records below meta/. A newer agent reads what an older one wrote.
const checkpointVersion = 1

// put is a Change that stores a record.
func put(path string, m proto.Message) Change {
	data, err := proto.Marshal(m)
	if err != nil {
		// Required fields are set by whoever built the record; input was checked before.
		panic(fmt.Errorf("checkpoint %s: %w", path, err))
	}
	return Change{Kind: Put, Path: path, Data: data}
}

// journal is a Change that adds a record to a task's journal.
func journal(path string, r *controlpb.UpdateRecord) Change {
	frame, err := encodeRecord(r)
	if err != nil {
		panic(fmt.Errorf("checkpoint %s: %w", path, err))
	}
	return Change{Kind: Append, Path: path, Data: frame}
}

func (a *Agent) agentChanges() []Change {
	record := &controlpb.AgentCheckpoint{Version: proto.Uint32(checkpointVersion), Agent: a.info}
	if a.parts.Machine.BootID != "" {
		record.BootId = proto.String(a.parts.Machine.BootID)
	}
	changes := []Change{
		put(agentMeta(a.id())+"/"+agentFile, record),
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

func executorChange(e *executor) Change {
	record := &controlpb.ExecutorCheckpoint{
		Version:         proto.Uint32(checkpointVersion),
		Executor:        e.info,
		ContainerId:     e.containerID(),
		CommandExecutor: proto.Bool(e.command),
		Sandbox:         proto.String(e.sandbox),
	}
	if e.process.PID != 0 {
		record.Pid = proto.Int32(int32(e.process.PID))
		record.StartTicks = proto.Uint64(e.process.StartTicks)
	}
	if !e.upid.IsZero() {
		record.Upid = proto.String(e.upid.String())
	}
	return put(runMeta(e.run)+"/"+executorFile, record)
}

func taskChange(e *executor, t *task) Change {
	return put(taskMeta(e.run, t.id())+"/"+taskFile, &controlpb.TaskCheckpoint{
		Version: proto.Uint32(checkpointVersion), Task: t.info})
}

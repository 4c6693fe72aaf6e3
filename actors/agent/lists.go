package agent

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer/isolation"
	"github.com/meseta-io/meseta/actors/fetcher"
	"github.com/meseta-io/meseta/messages/durations"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

func (v *View) tasks() *agentpb.Response_GetTasks {
	r := &agentpb.Response_GetTasks{}
	v.EveryExecutor(func(_ *FrameworkView, e *ExecutorView, _ bool) {
		r.QueuedTasks = append(r.QueuedTasks, e.Queued...)
		r.LaunchedTasks = append(r.LaunchedTasks, e.Launched...)
		r.TerminatedTasks = append(r.TerminatedTasks, e.Ended...)
		r.CompletedTasks = append(r.CompletedTasks, e.Completed...)
	})
	return r
}

func (v *View) executors() *agentpb.Response_GetExecutors {
	r := &agentpb.Response_GetExecutors{}
	v.EveryExecutor(func(_ *FrameworkView, e *ExecutorView, over bool) {
		if e.Hidden {
			return
		}
		m := &agentpb.Response_GetExecutors_Executor{ExecutorInfo: e.Info}
		if over {
			r.CompletedExecutors = append(r.CompletedExecutors, m)
		} else {
			r.Executors = append(r.Executors, m)
		}
	})
	return r
}

func (v *View) frameworks() *agentpb.Response_GetFrameworks {
	r := &agentpb.Response_GetFrameworks{}
	for _, f := range v.Frameworks {
		r.Frameworks = append(r.Frameworks, &agentpb.Response_GetFrameworks_Framework{FrameworkInfo: f.Info})
	}
	for _, f := range v.Completed {
		r.CompletedFrameworks = append(r.CompletedFrameworks, &agentpb.Response_GetFrameworks_Framework{FrameworkInfo: f.Info})
	}
	return r
}

// uptime is how long the agent has worked, in seconds.
func (v *View) uptime(now time.Time) float64 {
	if v.Started.IsZero() {
		return 0 // nothing was published yet
	}
	return now.Sub(v.Started).Seconds()
}

// metrics are named as in Mesos.
func (v *View) metrics(now time.Time) []*mesospb.Metric {
	var m []*mesospb.Metric
	add := func(name string, value float64) {
		m = append(m, &mesospb.Metric{Name: proto.String("slave/" + name), Value: proto.Float64(value)})
	}
	c := v.counters
	for _, count := range []struct {
		name  string
		value uint64
	}{
		{"container_launch_errors", c.launchErrors}, {"executors_terminated", c.executorsTerminated},
		{"executors_preempted", 0}, // nobody takes revocable resources back
		{"tasks_failed", c.failed}, {"tasks_finished", c.finished}, {"tasks_gone", c.gone},
		{"tasks_killed", c.killed}, {"tasks_lost", c.lost},
		{"valid_status_updates", c.updates}, {"invalid_status_updates", c.invalidUpdates},
		{"valid_framework_messages", c.messages}, {"invalid_framework_messages", c.messagesDropped},
	} {
		add(count.name, float64(count.value))
	}
	states := map[mesospb.TaskState]int{}
	stages := map[executorState]int{}
	used := resources.Resources{}
	v.EveryExecutor(func(_ *FrameworkView, e *ExecutorView, over bool) {
		if over {
			return
		}
		stages[e.state]++
		used = used.Add(e.Resources())
		for _, t := range slices.Concat(e.Queued, e.Launched) {
			states[t.GetState()]++
		}
	})
	add("tasks_staging", float64(states[mesospb.TaskState_TASK_STAGING]))
	add("tasks_starting", float64(states[mesospb.TaskState_TASK_STARTING]))
	add("tasks_running", float64(states[mesospb.TaskState_TASK_RUNNING]))
	add("tasks_killing", float64(states[mesospb.TaskState_TASK_KILLING]))
	add("executors_registering", float64(stages[registering]))
	add("executors_running", float64(stages[running]))
	add("executors_terminating", float64(stages[terminating]))
	add("frameworks_active", float64(len(v.Frameworks)))
	add("registered", map[bool]float64{true: 1}[v.Registered])
	add("uptime_secs", v.uptime(now))
	add("recovery_time_secs", v.Recovery.Seconds())
	add("recovery_errors", float64(c.recoveryErrors))
	add("executor_directory_max_allowed_age_secs", c.keptFor.Seconds())
	total := resources.FromValid(v.Info.GetResources())
	amounts(add, "", total.NonRevocable(), used.NonRevocable())
	amounts(add, "_revocable", total.Revocable(), used.Revocable())
	slices.SortFunc(m, func(a, b *mesospb.Metric) int { return strings.Compare(a.GetName(), b.GetName()) })
	return m
}

// amounts tell how much there is of each kind, and how much of it is in use.
func amounts(add func(string, float64), suffix string, total, used resources.Resources) {
	for _, kind := range []string{"cpus", "mem", "disk", "gpus"} {
		has, _ := total.Scalar(kind)
		takes, _ := used.Scalar(kind)
		percent := 0.0
		if has > 0 {
			percent = takes.Float64() / has.Float64()
		}
		add(kind+suffix+"_total", has.Float64())
		add(kind+suffix+"_used", takes.Float64())
		add(kind+suffix+"_percent", percent)
	}
}

// flagsOf lists the configuration by the names of its flags.
func flagsOf(c any) []*mesospb.Flag {
	var flags []*mesospb.Flag
	value := reflect.ValueOf(c)
	for i := range value.NumField() {
		name := value.Type().Field(i).Tag.Get("flag")
		switch part := value.Field(i).Interface().(type) {
		case fetcher.Config, isolation.Config:
			flags = append(flags, flagsOf(part)...)
		}
		if name == "" {
			continue
		}
		text := fmt.Sprint(value.Field(i).Interface())
		if d, ok := value.Field(i).Interface().(time.Duration); ok {
			text = durations.Text(d)
		}
		flags = append(flags, &mesospb.Flag{Name: proto.String(name), Value: proto.String(text)})
	}
	slices.SortFunc(flags, func(a, b *mesospb.Flag) int { return strings.Compare(a.GetName(), b.GetName()) })
	return flags
}

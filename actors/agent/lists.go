package agent

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/durations"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// everyExecutor walks all executors of a view, those that are over last.
func (v *view) everyExecutor(do func(f frameworkView, e executorView, over bool)) {
	for _, f := range v.frameworks {
		for _, e := range f.executors {
			do(f, e, false)
		}
	}
	for _, f := range slices.Concat(v.frameworks, v.completed) {
		for _, e := range f.completed {
			do(f, e, true)
		}
	}
}

func (v *view) tasks() *agentpb.Response_GetTasks {
	r := &agentpb.Response_GetTasks{}
	v.everyExecutor(func(_ frameworkView, e executorView, _ bool) {
		r.QueuedTasks = append(r.QueuedTasks, e.queued...)
		r.LaunchedTasks = append(r.LaunchedTasks, e.launched...)
		r.TerminatedTasks = append(r.TerminatedTasks, e.ended...)
		r.CompletedTasks = append(r.CompletedTasks, e.completed...)
	})
	return r
}

func (v *view) executors() *agentpb.Response_GetExecutors {
	r := &agentpb.Response_GetExecutors{}
	v.everyExecutor(func(_ frameworkView, e executorView, over bool) {
		m := &agentpb.Response_GetExecutors_Executor{ExecutorInfo: e.info}
		if over {
			r.CompletedExecutors = append(r.CompletedExecutors, m)
		} else {
			r.Executors = append(r.Executors, m)
		}
	})
	return r
}

func (v *view) theFrameworks() *agentpb.Response_GetFrameworks {
	r := &agentpb.Response_GetFrameworks{}
	for _, f := range v.frameworks {
		r.Frameworks = append(r.Frameworks, &agentpb.Response_GetFrameworks_Framework{FrameworkInfo: f.info})
	}
	for _, f := range v.completed {
		r.CompletedFrameworks = append(r.CompletedFrameworks, &agentpb.Response_GetFrameworks_Framework{FrameworkInfo: f.info})
	}
	return r
}

// resources is what an executor and its tasks that have not ended may use.
func (e executorView) resources() resources.Resources {
	total := resources.FromValid(e.info.GetResources())
	for _, t := range slices.Concat(e.queued, e.launched) {
		total = total.Add(resources.FromValid(t.GetResources()))
	}
	return total
}

// metrics are named as in Mesos.
func (v *view) metrics(uptime float64) []*mesospb.Metric {
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
	v.everyExecutor(func(_ frameworkView, e executorView, over bool) {
		if over {
			return
		}
		stages[e.state]++
		used = used.Add(e.resources())
		for _, t := range slices.Concat(e.queued, e.launched) {
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
	add("frameworks_active", float64(len(v.frameworks)))
	add("registered", map[bool]float64{true: 1}[v.registered])
	add("uptime_secs", uptime)
	total := resources.FromValid(v.info.GetResources())
	for _, kind := range []string{"cpus", "mem", "disk", "gpus"} {
		has, _ := total.Scalar(kind)
		takes, _ := used.Scalar(kind)
		add(kind+"_total", has.Float64())
		add(kind+"_used", takes.Float64())
		if has > 0 {
			add(kind+"_percent", takes.Float64()/has.Float64())
		} else {
			add(kind+"_percent", 0)
		}
	}
	slices.SortFunc(m, func(a, b *mesospb.Metric) int { return strings.Compare(a.GetName(), b.GetName()) })
	return m
}

// flagsOf lists the configuration by the names of its flags.
func flagsOf(c Config) []*mesospb.Flag {
	var flags []*mesospb.Flag
	value := reflect.ValueOf(c)
	for i := range value.NumField() {
		name := value.Type().Field(i).Tag.Get("flag")
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

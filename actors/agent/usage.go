package agent

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/isolators/sample"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Use is what one container uses, and used.
type Use struct {
	Framework *mesospb.FrameworkInfo
	Executor  *mesospb.ExecutorInfo
	Container string
	// Tasks are those of the executor that are not over and that whoever asks may see.
	Tasks []*mesospb.Task
	// Statistics are Mesos', nil for a container that has just ended. Sample is what is known beyond, nil where nothing is.
	Statistics *mesospb.ResourceStatistics
	Sample     *sample.Sample
	// History is the last hour as far as it was kept, the oldest first; its last point ended at Kept.
	History []sample.Point
	Kept    time.Time
}

// measured is all containers at one moment, by their ids.
type measured struct {
	at         time.Time
	statistics map[string]*mesospb.ResourceStatistics
	samples    map[string]*sample.Sample
}

// usedEvery is how old a measurement may be that is shown: whoever asks more often sees the same numbers.
const usedEvery = 500 * time.Millisecond

// usage is the part of the desk that measures.
type usage struct {
	rings   map[string]*sample.Ring
	last    measured
	running bool
	waiting []func(error)
}

// keepHistory begins to measure every so often.
func (d *desk) keepHistory() {
	d.usage.rings = map[string]*sample.Ring{}
	if d.config.History > 0 {
		d.b.Every(d.config.History, func() { d.measureNow(d.remember) })
	}
}

// measureNow measures all containers and has then told; who comes while that is going on waits for the same answer.
func (d *desk) measureNow(then func(error)) {
	d.usage.waiting = append(d.usage.waiting, then)
	if d.usage.running {
		return
	}
	d.usage.running = true
	of := d.latest.Load().processes()
	process.Then(d.b, process.Go(d.b, func(ctx context.Context) (measured, error) { return measure(ctx, d.launcher, of) }),
		func(m measured, err error) {
			d.usage.running = false
			if m.at = d.b.Now(); err == nil {
				d.usage.last = m
			}
			waiting := d.usage.waiting
			d.usage.waiting = nil
			for _, then := range waiting {
				then(err)
			}
		})
}

// processes are those of all containers that run; none while the agent does not know yet which those are.
func (v *View) processes() (of []containerizer.Process) {
	if v.Recovering {
		return nil
	}
	v.EveryExecutor(func(_ *FrameworkView, e *ExecutorView, over bool) {
		if !over && e.Running && e.Process.PID != 0 {
			of = append(of, e.Process)
		}
	})
	return of
}

func measure(ctx context.Context, l containerizer.Launcher, of []containerizer.Process) (m measured, err error) {
	m = measured{statistics: map[string]*mesospb.ResourceStatistics{}, samples: map[string]*sample.Sample{}}
	if len(of) == 0 {
		return m, nil
	}
	all, err := l.Usage(ctx, of)
	if err != nil {
		return m, err
	}
	for i, s := range all {
		if s != nil {
			m.statistics[of[i].ContainerID] = s
		}
	}
	sampler, ok := l.(containerizer.Sampler)
	if !ok {
		return m, nil
	}
	samples, err := sampler.Samples(ctx, of)
	for i, s := range samples {
		if s != nil {
			m.samples[of[i].ContainerID] = s
		}
	}
	return m, err
}

// remember adds the last measurement to the histories, and forgets those of containers that are gone.
func (d *desk) remember(err error) {
	if err != nil {
		d.b.Log().Warn("the containers cannot be measured; their history has a gap", "error", err)
		return
	}
	last := d.usage.last
	for id := range d.usage.rings {
		if last.statistics[id] == nil {
			delete(d.usage.rings, id)
		}
	}
	for id, s := range last.statistics {
		ring := d.usage.rings[id]
		if ring == nil {
			ring = &sample.Ring{}
			d.usage.rings[id] = ring
		}
		ring.Add(last.at, sample.Of(s, last.samples[id]))
	}
}

// uses tells what containers use that somebody may see.
func (d *desk) uses(who authorization.Subject, done *process.Promise[[]Use]) {
	v := d.latest.Load()
	if v.Recovering {
		done.Complete(nil, ErrRecovering)
		return
	}
	if now := d.b.Now(); !d.usage.last.at.IsZero() && now.Sub(d.usage.last.at) < usedEvery {
		done.Complete(d.compose(v, who), nil)
		return
	}
	d.measureNow(func(err error) {
		if err != nil {
			done.Complete(nil, err)
			return
		}
		done.Complete(d.compose(d.latest.Load(), who), nil)
	})
}

func (d *desk) compose(v *View, who authorization.Subject) (all []Use) {
	may, task := d.authorizer.Approver(who, authorization.ViewContainer), d.authorizer.Approver(who, authorization.ViewTask)
	v.EveryExecutor(func(f *FrameworkView, e *ExecutorView, over bool) {
		if over || !e.Running || e.Process.PID == 0 || !may(authorization.Object{Framework: f.Info, Executor: e.Info,
			ContainerID: &mesospb.ContainerID{Value: proto.String(e.Container)}}) {
			return
		}
		u := Use{Framework: f.Info, Executor: e.Info, Container: e.Container, Sample: d.usage.last.samples[e.Container]}
		for _, t := range e.Launched {
			if task(authorization.Object{Framework: f.Info, Task: t}) {
				u.Tasks = append(u.Tasks, t)
			}
		}
		if s := d.usage.last.statistics[e.Container]; s != nil {
			u.Statistics = limited(proto.Clone(s).(*mesospb.ResourceStatistics), e)
		}
		if ring := d.usage.rings[e.Container]; ring != nil {
			u.History, u.Kept = ring.History(), ring.Last()
		}
		all = append(all, u)
	})
	return all
}

// Used tells what containers use now and have used in the last hour, as far as somebody may see them.
func (c Client) Used(who authorization.Subject) process.Future[[]Use] {
	return process.Entrust(c.desk, func(d *desk, done *process.Promise[[]Use]) { d.uses(who, done) })
}

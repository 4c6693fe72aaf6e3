package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/actors/gateway/beyond"
	"github.com/meseta-io/meseta/cmd/meseta/internal/live"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/isolators/sample"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func (a *app) stats() *cobra.Command {
	config := asks()
	c := &cobra.Command{Use: "stats [flags] TASK", Short: "what a task uses, and used in the last hour", GroupID: "use", Args: arguments(1, 1),
		Long: "Shows what the container of a running task uses of processors, memory, disks and network: now, since it began, and over\n" +
			"the last hour. Waits, latencies and round trips are there where the agent counts them in the kernel (ebpf/accounting).",
		Example: "  meseta stats web.1\n  meseta stats web.1 -o json"}
	a.completes(c, liveTaskIDs)
	return bind(c, &config, func(args []string) error {
		asJSON, err := config.json()
		if err != nil {
			return err
		}
		c, err := config.client()
		if err != nil {
			return err
		}
		s, err := snap(a.ctx, c)
		if err != nil {
			return masterError(config.Master, err)
		}
		t, err := s.task(args[0])
		if err != nil {
			return err
		}
		agent := s.agents[t.GetAgentId().GetValue()]
		if over(t.GetState()) || agent == nil {
			return fmt.Errorf("task %s is %s: only what runs can be measured; meseta describe %s says what it used",
				t.GetTaskId().GetValue(), stateName(t.GetState()), t.GetTaskId().GetValue())
		}
		r, err := c.Usage(a.ctx, agent.GetPid(), t.GetTaskId().GetValue(), true)
		if err != nil {
			return fmt.Errorf("agent %s: %w", s.host(t.GetAgentId()), err)
		}
		for i := range r.Containers { // an id may be that of tasks of several frameworks
			if u := &r.Containers[i]; u.FrameworkID == t.GetFrameworkId().GetValue() {
				if asJSON {
					return a.printValue(u)
				}
				return a.printUsage(s.describeTask(t), u)
			}
		}
		return fmt.Errorf("task %s has no container that you may see: it has just begun or ended, or the ACL view_containers of agent %s leaves it out",
			t.GetTaskId().GetValue(), s.host(t.GetAgentId()))
	})
}

func (a *app) printUsage(title string, u *beyond.Usage) error {
	figures, err := u.Figures()
	if err != nil {
		return err
	}
	if len(u.Statistics) == 0 {
		return fmt.Errorf("%s has just ended", title)
	}
	fields := []screen.Field{{Name: "Task", Value: title, Style: screen.Bold}}
	if n := len(u.Tasks); n > 1 {
		fields = append(fields, screen.Field{Name: "Shares", Value: fmt.Sprintf("its container with %s", plural(n-1, "other task"))})
	}
	fields = append(fields, figuresOf(figures, u)...)
	return a.out.Fields(append(fields, sampleFields(u.Sample, u.History)...))
}

// lately is what a history says: the last value, the largest and a line.
func lately(history []sample.Point, of func(sample.Point) uint32, format func(uint32) string) string {
	if len(history) == 0 {
		return ""
	}
	values := make([]uint32, 0, len(history))
	most := uint32(0)
	for _, p := range history {
		values, most = append(values, of(p)), max(most, of(p))
	}
	minutes := (time.Duration(len(values)) * sample.Interval).Round(time.Minute)
	text := fmt.Sprintf("%s now, %s at most", format(values[len(values)-1]), format(most))
	if minutes >= time.Minute {
		text += " in " + plural(int(minutes.Minutes()), "minute")
	}
	return text + "\n" + live.Spark(condense(values, sparkWidth), min(len(values), sparkWidth))
}

const sparkWidth = 60

// condense makes at most n values of many, each the largest of those that it stands for.
func condense(values []uint32, n int) []uint32 {
	if len(values) <= n {
		return values
	}
	out := make([]uint32, n)
	for i, v := range values {
		at := i * n / len(values)
		out[at] = max(out[at], v)
	}
	return out
}

func figuresOf(s *mesospb.ResourceStatistics, u *beyond.Usage) []screen.Field {
	cpus := func(milli uint32) string { return strconv.FormatFloat(float64(milli)/1000, 'f', 2, 64) + " cpus" }
	used := cpuTime(s.GetCpusUserTimeSecs()+s.GetCpusSystemTimeSecs()) + " (" + cpuTime(s.GetCpusUserTimeSecs()) + " in the program, " +
		cpuTime(s.GetCpusSystemTimeSecs()) + " in the kernel)"
	if limit := max(s.GetCpusLimit(), s.GetCpusSoftLimit()); limit > 0 {
		used += " with " + number(limit) + " cpus"
	}
	memory := byteSize(float64(sample.Memory(s)))
	if limit := max(s.GetMemLimitBytes(), s.GetMemSoftLimitBytes()); limit > 0 {
		memory += " of " + byteSize(float64(limit))
	}
	kib := func(n uint32) string { return byteSize(float64(n) * 1024) }
	return []screen.Field{
		{Name: "Processors", Value: join(used, lately(u.History, func(p sample.Point) uint32 { return p.CPU }, cpus))},
		{Name: "Throttled", Value: throttled(s)},
		{Name: "Memory", Value: join(memory, lately(u.History, func(p sample.Point) uint32 { return p.Memory }, kib))},
	}
}

func join(one, other string) string {
	if other == "" {
		return one
	}
	return one + "\n" + other
}

func throttled(s *mesospb.ResourceStatistics) string {
	if s.GetCpusNrThrottled() == 0 {
		return ""
	}
	return fmt.Sprintf("in %d of %d periods, for %s", s.GetCpusNrThrottled(), s.GetCpusNrPeriods(), cpuTime(s.GetCpusThrottledTimeSecs()))
}

// sampleFields are what Mesos never had.
func sampleFields(s *sample.Sample, history []sample.Point) (fields []screen.Field) {
	if s == nil {
		return []screen.Field{{Name: "Counted", Value: "nothing in the kernel: the agent has no ebpf/accounting", Style: screen.Faint}}
	}
	rate := func(n uint32) string { return byteSize(float64(n)*1024) + "/s" }
	say := map[string]func(){
		"cpu": func() {
			fields = append(fields, screen.Field{Name: "Waits", Value: fmt.Sprintf("%s for processors%s; %d switches of its own will, %d others",
				exactly(s.CPU.Waited), spread(&s.CPU.Wait), s.CPU.Voluntary, s.CPU.Involuntary)})
		},
		"faults": func() {
			fields = append(fields, screen.Field{Name: "Page faults", Value: fmt.Sprintf("%d, and %d that waited for a disk", s.Faults.Minor, s.Faults.Major)})
		},
		"processes": func() {
			text := fmt.Sprintf("%d began, %d ended", s.Processes.Started, s.Processes.Ended)
			if s.Processes.OOMKills > 0 {
				text += fmt.Sprintf(", %d killed for want of memory", s.Processes.OOMKills)
			}
			fields = append(fields, screen.Field{Name: "Processes", Value: text})
		},
		"disk": func() {
			fields = append(fields, screen.Field{Name: "Disks", Value: join(fmt.Sprintf("read %s in %d, wrote %s in %d%s", byteSize(float64(s.Disk.ReadBytes)),
				s.Disk.Reads, byteSize(float64(s.Disk.WriteBytes)), s.Disk.Writes, spread(&s.Disk.Latency)),
				lately(history, func(p sample.Point) uint32 { return p.Read + p.Written }, rate))})
		},
		"network": func() {
			fields = append(fields, screen.Field{Name: "Network", Value: join(fmt.Sprintf("received %s in %d packets, sent %s in %d, %s of it off the machine",
				byteSize(float64(s.Network.ReceivedBytes)), s.Network.ReceivedPackets, byteSize(float64(s.Network.SentBytes)), s.Network.SentPackets,
				byteSize(float64(s.Network.EgressBytes))), lately(history, func(p sample.Point) uint32 { return p.Received + p.Sent }, rate))})
		},
		"connections": func() {
			n := &s.Network
			fields = append(fields, screen.Field{Name: "Connections", Value: fmt.Sprintf("%d open; %d opened, %d accepted, %d refused; %d segments sent again",
				n.Open(), n.Connected, n.Accepted, n.Refused, n.Retransmits)})
		},
		"rtt": func() {
			if s.Network.RTT.Total() > 0 {
				fields = append(fields, screen.Field{Name: "Round trips", Value: spread(&s.Network.RTT)[2:]})
			}
		},
	}
	for _, part := range s.Has {
		if f := say[part]; f != nil {
			f()
		}
	}
	return fields
}

// spread is how durations lie.
func spread(h *sample.Histogram) string {
	if h.Total() == 0 {
		return ""
	}
	return fmt.Sprintf("; half within %s, 99 %% within %s", exactly(h.Quantile(0.5)), exactly(h.Quantile(0.99)))
}

// exactly writes durations that may be very short.
func exactly(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return strconv.Itoa(int(d.Microseconds())) + " µs"
	case d < time.Second:
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64) + " ms"
	}
	return took(d)
}

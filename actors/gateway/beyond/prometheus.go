package beyond

import (
	"bytes"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/isolators/sample"
)

// labels name a container. One for each of its tasks would count it as many times as it has tasks.
var labels = []string{"framework_id", "executor_id", "container_id"}

// figure is one metric of a container. Names and units are Prometheus'; docs/metrics.md lists them.
type figure struct {
	name, help string
	kind       prometheus.ValueType
	label      string // one more label, with the value
	value      string
	needs      string // the part of a sample; "": Mesos' statistics
	of         func(u *agent.Use) (float64, bool)
}

// counted is a number of a sample.
func counted(name, help, label, value, needs string, of func(s *sample.Sample) uint64) figure {
	return figure{name, help, prometheus.CounterValue, label, value, needs, func(u *agent.Use) (float64, bool) { return float64(of(u.Sample)), true }}
}

// timed is a duration of a sample, in seconds.
func timed(name, help, needs string, of func(s *sample.Sample) time.Duration) figure {
	return figure{name, help, prometheus.CounterValue, "", "", needs, func(u *agent.Use) (float64, bool) { return of(u.Sample).Seconds(), true }}
}

const memoryHelp, cpuHelp = "Memory that counts against the limit.", "Time on processors."

var figures = []figure{
	{"cpu_seconds_total", cpuHelp, prometheus.CounterValue, "mode", "user", "", func(u *agent.Use) (float64, bool) {
		return u.Statistics.GetCpusUserTimeSecs(), u.Statistics.CpusUserTimeSecs != nil
	}},
	{"cpu_seconds_total", cpuHelp, prometheus.CounterValue, "mode", "system", "", func(u *agent.Use) (float64, bool) {
		return u.Statistics.GetCpusSystemTimeSecs(), u.Statistics.CpusSystemTimeSecs != nil
	}},
	{"memory_bytes", memoryHelp, prometheus.GaugeValue, "", "", "", func(u *agent.Use) (float64, bool) {
		return float64(sample.Memory(u.Statistics)), sample.Memory(u.Statistics) > 0
	}},
	{"memory_limit_bytes", "What memory may be at most.", prometheus.GaugeValue, "", "", "", func(u *agent.Use) (float64, bool) {
		return float64(u.Statistics.GetMemLimitBytes()), u.Statistics.MemLimitBytes != nil
	}},
	timed("cpu_wait_seconds_total", "Time for which threads could have run and had no processor.", "cpu", func(s *sample.Sample) time.Duration { return s.CPU.Waited }),
	counted("context_switches_total", "Switches from a thread to another.", "kind", "voluntary", "cpu", func(s *sample.Sample) uint64 { return s.CPU.Voluntary }),
	counted("context_switches_total", "Switches from a thread to another.", "kind", "involuntary", "cpu", func(s *sample.Sample) uint64 { return s.CPU.Involuntary }),
	counted("page_faults_total", "Pages that were not there; major ones wait for a disk.", "kind", "minor", "faults", func(s *sample.Sample) uint64 { return s.Faults.Minor }),
	counted("page_faults_total", "Pages that were not there; major ones wait for a disk.", "kind", "major", "faults", func(s *sample.Sample) uint64 { return s.Faults.Major }),
	counted("processes_started_total", "Processes that began.", "", "", "processes", func(s *sample.Sample) uint64 { return s.Processes.Started }),
	counted("processes_ended_total", "Processes that ended.", "", "", "processes", func(s *sample.Sample) uint64 { return s.Processes.Ended }),
	counted("oom_kills_total", "Processes that were killed for want of memory.", "", "", "processes", func(s *sample.Sample) uint64 { return s.Processes.OOMKills }),
	counted("network_bytes_total", "Bytes of sockets, from the IP header on, loopback included.", "direction", "received", "network", func(s *sample.Sample) uint64 { return s.Network.ReceivedBytes }),
	counted("network_bytes_total", "Bytes of sockets, from the IP header on, loopback included.", "direction", "sent", "network", func(s *sample.Sample) uint64 { return s.Network.SentBytes }),
	counted("network_packets_total", "Packets of sockets, loopback included.", "direction", "received", "network", func(s *sample.Sample) uint64 { return s.Network.ReceivedPackets }),
	counted("network_packets_total", "Packets of sockets, loopback included.", "direction", "sent", "network", func(s *sample.Sample) uint64 { return s.Network.SentPackets }),
	counted("network_egress_bytes_total", "Bytes sent that did not go out by loopback.", "", "", "network", func(s *sample.Sample) uint64 { return s.Network.EgressBytes }),
	counted("tcp_connections_total", "TCP connections.", "kind", "opened", "connections", func(s *sample.Sample) uint64 { return s.Network.Connected }),
	counted("tcp_connections_total", "TCP connections.", "kind", "accepted", "connections", func(s *sample.Sample) uint64 { return s.Network.Accepted }),
	counted("tcp_connections_total", "TCP connections.", "kind", "refused", "connections", func(s *sample.Sample) uint64 { return s.Network.Refused }),
	{"tcp_connections_open", "TCP connections that are open.", prometheus.GaugeValue, "", "", "connections", func(u *agent.Use) (float64, bool) {
		return float64(u.Sample.Network.Open()), true
	}},
	counted("tcp_retransmits_total", "TCP segments that were sent again.", "", "", "connections", func(s *sample.Sample) uint64 { return s.Network.Retransmits }),
	counted("disk_bytes_total", "Bytes that block devices read and wrote.", "direction", "read", "disk", func(s *sample.Sample) uint64 { return s.Disk.ReadBytes }),
	counted("disk_bytes_total", "Bytes that block devices read and wrote.", "direction", "written", "disk", func(s *sample.Sample) uint64 { return s.Disk.WriteBytes }),
	counted("disk_operations_total", "Reads and writes of block devices.", "direction", "read", "disk", func(s *sample.Sample) uint64 { return s.Disk.Reads }),
	counted("disk_operations_total", "Reads and writes of block devices.", "direction", "written", "disk", func(s *sample.Sample) uint64 { return s.Disk.Writes }),
}

// histograms of a container.
var histograms = []struct {
	name, help, needs string
	of                func(s *sample.Sample) (h *sample.Histogram, sum time.Duration)
}{
	{"cpu_wait_seconds", "Each wait for a processor.", "cpu", func(s *sample.Sample) (*sample.Histogram, time.Duration) { return &s.CPU.Wait, s.CPU.Waited }},
	{"disk_latency_seconds", "Each answer of a block device.", "disk", func(s *sample.Sample) (*sample.Histogram, time.Duration) { return &s.Disk.Latency, s.Disk.Busy }},
	{"tcp_rtt_seconds", "Smoothed round trips of TCP connections, at each measurement; the sum is a guess from the buckets.", "rtt",
		func(s *sample.Sample) (*sample.Histogram, time.Duration) {
			h := &s.Network.RTT
			return h, guess(h)
		}},
}

// guess is the sum of durations as if each were in the middle of its bucket.
func guess(h *sample.Histogram) (sum time.Duration) {
	for i, n := range h.Counts {
		sum += time.Duration(n) * h.Bound(i) * 3 / 4
	}
	return sum
}

// uses is a prometheus.Collector.
type uses []agent.Use

// Describe implements prometheus.Collector: which metrics there are depends on the kernel.
func (uses) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (all uses) Collect(out chan<- prometheus.Metric) {
	for i := range all {
		u := &all[i]
		names := []string{u.Framework.GetId().GetValue(), u.Executor.GetExecutorId().GetValue(), u.Container}
		if u.Statistics == nil {
			continue // it has just ended
		}
		for _, f := range figures {
			if f.needs != "" && !knows(u, f.needs) {
				continue
			}
			value, ok := f.of(u)
			if !ok {
				continue
			}
			l, v := labels, names
			if f.label != "" {
				l, v = append(slices.Clone(labels), f.label), append(slices.Clone(names), f.value)
			}
			send(out, func() (prometheus.Metric, error) {
				return prometheus.NewConstMetric(prometheus.NewDesc("meseta_container_"+f.name, f.help, l, nil), f.kind, value, v...)
			})
		}
		for _, h := range histograms {
			if !knows(u, h.needs) {
				continue
			}
			counts, sum := h.of(u.Sample)
			send(out, func() (prometheus.Metric, error) {
				return prometheus.NewConstHistogram(prometheus.NewDesc("meseta_container_"+h.name, h.help, labels, nil),
					counts.Total(), sum.Seconds(), buckets(counts), names...)
			})
		}
	}
}

func send(out chan<- prometheus.Metric, make func() (prometheus.Metric, error)) {
	if m, err := make(); err == nil {
		out <- m
	}
}

func knows(u *agent.Use, part string) bool {
	return u.Sample != nil && slices.Contains(u.Sample.Has, part)
}

// buckets are cumulative, by their bounds in seconds.
func buckets(h *sample.Histogram) map[float64]uint64 {
	all := make(map[float64]uint64, sample.Slots-1)
	below := uint64(0)
	for i, n := range h.Counts[:sample.Slots-1] { // the last one has no bound
		below += n
		all[h.Bound(i).Seconds()] = below
	}
	return all
}

func exposed(a agent.Client, w *web.Writer, r *web.Request) {
	all, err := a.Used(r.Subject()).Get(r.Context())
	if err != nil {
		w.Error(err)
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(uses(all))
	families, err := registry.Gather()
	if err != nil {
		w.Text(http.StatusInternalServerError, err.Error())
		return
	}
	var body bytes.Buffer
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	encoder := expfmt.NewEncoder(&body, format)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			w.Text(http.StatusInternalServerError, err.Error())
			return
		}
	}
	w.Bytes(http.StatusOK, string(format), body.Bytes())
}

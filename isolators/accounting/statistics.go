package accounting

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators/sample"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// The first bounds of the programs' histograms.
const (
	firstWait = 2 * 1024 * time.Nanosecond
	firstIO   = 2 * 8192 * time.Nanosecond
	firstRTT  = 16 * time.Microsecond
)

// parts are what programs have to be there for a part of a sample.
var parts = []struct {
	name  string
	needs []string
}{
	{"cpu", []string{"on_switch"}}, {"faults", []string{"on_switch"}}, {"network", []string{"on_ingress", "on_egress"}},
	{"connections", []string{"on_state"}}, {"rtt", []string{"on_socket"}}, {"disk", []string{"on_issue", "on_complete"}},
	{"processes", []string{"on_fork", "on_exit"}},
}

// has names the parts that this kernel counts.
func (a *Accounting) has() (all []string) {
	for _, p := range parts {
		there := true
		for _, n := range p.needs {
			there = there && a.programs.missing[n] == nil
		}
		if there {
			all = append(all, p.name)
		}
	}
	return all
}

// split divides processor time as the kernel does for control groups: exact time in the proportion of ticks.
func split(c *counters) (user, system time.Duration) {
	switch {
	case c.UserNs+c.SystemNs == 0:
		return time.Duration(c.CpuNs), 0
	case c.SystemNs == 0:
		return time.Duration(c.CpuNs), 0
	}
	user = time.Duration(float64(c.CpuNs) * (float64(c.UserNs) / float64(c.UserNs+c.SystemNs)))
	return user, time.Duration(c.CpuNs) - user
}

func fill(c *counters, s *sample.Sample) {
	user, system := split(c)
	s.CPU = sample.CPU{Used: time.Duration(c.CpuNs), User: user, System: system, Waited: time.Duration(c.WaitNs),
		Voluntary: c.Voluntary, Involuntary: c.Involuntary, Wait: sample.Histogram{First: firstWait, Counts: c.Wait}}
	s.Faults = sample.Faults{Minor: c.MinorFaults, Major: c.MajorFaults}
	s.Network = sample.Network{ReceivedBytes: c.RxBytes, ReceivedPackets: c.RxPackets, SentBytes: c.TxBytes, SentPackets: c.TxPackets,
		EgressBytes: c.EgressBytes, Connected: c.Connected, Accepted: c.Accepted, Refused: c.Refused, Closed: c.Closed,
		Retransmits: c.Retransmits, RTT: sample.Histogram{First: firstRTT, Counts: c.Rtt}}
	s.Disk = sample.Disk{ReadBytes: c.ReadBytes, WriteBytes: c.WriteBytes, Reads: c.Reads, Writes: c.Writes, Busy: time.Duration(c.IoNs),
		Latency: sample.Histogram{First: firstIO, Counts: c.Io}}
	s.Processes = sample.Processes{Started: c.Started, Ended: c.Ended, OOMKills: c.OomKills}
}

// statistics fills in what nobody before has. Control groups' own numbers stay where there are some.
func statistics(c *counters, missing map[string]error, s *mesospb.ResourceStatistics) {
	if missing["on_switch"] == nil && s.CpusUserTimeSecs == nil && s.CpusSystemTimeSecs == nil {
		user, system := split(c)
		s.CpusUserTimeSecs, s.CpusSystemTimeSecs = proto.Float64(user.Seconds()), proto.Float64(system.Seconds())
	}
	if missing["on_ingress"] == nil && s.NetRxBytes == nil {
		s.NetRxBytes, s.NetRxPackets = proto.Uint64(c.RxBytes), proto.Uint64(c.RxPackets)
	}
	if missing["on_egress"] == nil && s.NetTxBytes == nil {
		s.NetTxBytes, s.NetTxPackets = proto.Uint64(c.TxBytes), proto.Uint64(c.TxPackets)
	}
	var all sample.Sample
	fill(c, &all)
	if missing["on_state"] == nil && s.NetTcpActiveConnections == nil {
		s.NetTcpActiveConnections = proto.Float64(float64(all.Network.Open()))
	}
	if rtt := &all.Network.RTT; rtt.Total() > 0 && s.NetTcpRttMicrosecsP50 == nil {
		at := func(q float64) *float64 { return proto.Float64(float64(rtt.Quantile(q)) / float64(time.Microsecond)) }
		s.NetTcpRttMicrosecsP50, s.NetTcpRttMicrosecsP90 = at(0.50), at(0.90)
		s.NetTcpRttMicrosecsP95, s.NetTcpRttMicrosecsP99 = at(0.95), at(0.99)
	}
	if missing["on_complete"] == nil && missing["on_issue"] == nil && len(s.GetBlkioStatistics().GetThrottling()) == 0 {
		if s.BlkioStatistics == nil {
			s.BlkioStatistics = &mesospb.CgroupInfo_Blkio_Statistics{}
		}
		s.BlkioStatistics.Throttling = []*mesospb.CgroupInfo_Blkio_Throttling_Statistics{{
			IoServiced: values(c.Reads, c.Writes), IoServiceBytes: values(c.ReadBytes, c.WriteBytes),
		}}
	}
}

// values are for all devices together, as Mesos has them.
func values(reads, writes uint64) []*mesospb.CgroupInfo_Blkio_Value {
	value := func(op mesospb.CgroupInfo_Blkio_Operation, n uint64) *mesospb.CgroupInfo_Blkio_Value {
		return &mesospb.CgroupInfo_Blkio_Value{Op: op.Enum(), Value: proto.Uint64(n)}
	}
	return []*mesospb.CgroupInfo_Blkio_Value{
		value(mesospb.CgroupInfo_Blkio_READ, reads), value(mesospb.CgroupInfo_Blkio_WRITE, writes),
		value(mesospb.CgroupInfo_Blkio_TOTAL, reads+writes),
	}
}

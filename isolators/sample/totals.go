package sample

import (
	"time"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Of are the totals of a container: what Mesos' statistics say, from control groups or processes, and a Sample where there is one,
// which knows more of waits, devices and sockets.
func Of(s *mesospb.ResourceStatistics, more *Sample) Totals {
	t := Totals{
		Used:   time.Duration((s.GetCpusUserTimeSecs() + s.GetCpusSystemTimeSecs()) * float64(time.Second)),
		Memory: Memory(s), Received: s.GetNetRxBytes(), Sent: s.GetNetTxBytes(),
	}
	if more != nil {
		t.Waited, t.Read, t.Written = more.CPU.Waited, more.Disk.ReadBytes, more.Disk.WriteBytes
		t.Received, t.Sent = more.Network.ReceivedBytes, more.Network.SentBytes
	}
	return t
}

// Memory is what counts against a container's limit, in bytes; where only processes are known, what they have in memory.
func Memory(s *mesospb.ResourceStatistics) uint64 {
	if s.MemTotalBytes != nil {
		return s.GetMemTotalBytes()
	}
	return s.GetMemRssBytes()
}

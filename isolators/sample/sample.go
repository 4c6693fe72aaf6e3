// Package sample is what is known of a container's use of the machine at one moment, beyond what Mesos' statistics have room for, and
// the history of it. It is plain data: package accounting fills it in, the agent keeps and shows it.
package sample

import "time"

// Sample are counters since the container began, its nested ones included. Which parts are known says Has.
type Sample struct {
	// Time is when it was taken.
	Time time.Time `json:"time"`
	// Has names the parts that are known: "cpu", "faults", "network", "connections", "rtt", "disk", "processes".
	Has []string `json:"has"`

	CPU       CPU       `json:"cpu"`
	Faults    Faults    `json:"faults"`
	Network   Network   `json:"network"`
	Disk      Disk      `json:"disk"`
	Processes Processes `json:"processes"`
}

// CPU is the use of processors. Durations are in nanoseconds.
type CPU struct {
	Used time.Duration `json:"used_ns"`
	// User and System are parts of Used, by the kernel's ticks.
	User   time.Duration `json:"user_ns"`
	System time.Duration `json:"system_ns"`
	// Waited is how long its threads could have run and did not, because others had the processors or its quota was used up.
	Waited time.Duration `json:"waited_ns"`
	// Voluntary and Involuntary are context switches.
	Voluntary   uint64 `json:"voluntary_switches"`
	Involuntary uint64 `json:"involuntary_switches"`
	// Wait has each wait for a processor.
	Wait Histogram `json:"wait"`
}

// Faults are pages that were not there. A major one waits for a disk.
type Faults struct {
	Minor uint64 `json:"minor"`
	Major uint64 `json:"major"`
}

// Network is what its sockets sent and received, from the IP header on. Loopback is included, except in Egress.
type Network struct {
	ReceivedBytes   uint64 `json:"received_bytes"`
	ReceivedPackets uint64 `json:"received_packets"`
	SentBytes       uint64 `json:"sent_bytes"`
	SentPackets     uint64 `json:"sent_packets"`
	// EgressBytes are those of SentBytes that went out by another interface than loopback.
	EgressBytes uint64 `json:"egress_bytes"`
	// Connected and Accepted are TCP connections that it opened, and that others opened to it; Refused those that it tried in vain;
	// Closed those of the first two that are over.
	Connected   uint64 `json:"connected"`
	Accepted    uint64 `json:"accepted"`
	Refused     uint64 `json:"refused"`
	Closed      uint64 `json:"closed"`
	Retransmits uint64 `json:"retransmits"`
	// RTT has the smoothed round trip of a connection at each measurement of the kernel.
	RTT Histogram `json:"rtt"`
}

// Open is how many connections there are now.
func (n *Network) Open() uint64 {
	if all := n.Connected + n.Accepted; all > n.Closed {
		return all - n.Closed
	}
	return 0
}

// Disk is what block devices did for it. What is written later from the page cache counts where a controller for I/O knows whose it is.
type Disk struct {
	ReadBytes  uint64 `json:"read_bytes"`
	WriteBytes uint64 `json:"write_bytes"`
	Reads      uint64 `json:"reads"`
	Writes     uint64 `json:"writes"`
	// Busy is the sum of the latencies, from the device being asked to its answer.
	Busy    time.Duration `json:"busy_ns"`
	Latency Histogram     `json:"latency"`
}

// Processes are those that began, ended, and were killed for want of memory.
type Processes struct {
	Started  uint64 `json:"started"`
	Ended    uint64 `json:"ended"`
	OOMKills uint64 `json:"oom_kills"`
}

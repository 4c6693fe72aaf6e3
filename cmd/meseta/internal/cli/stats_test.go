package cli

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/beyond"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/isolators/sample"
)

func TestStatsSayEverythingThatIsKnown(t *testing.T) {
	u := &beyond.Usage{
		Tasks: []beyond.UsingTask{{ID: "a"}, {ID: "b"}},
		Statistics: json.RawMessage(`{"timestamp":1,"cpus_user_time_secs":3,"cpus_system_time_secs":1.5,"cpus_limit":2,"cpus_nr_periods":100,"cpus_nr_throttled":4,` +
			`"cpus_throttled_time_secs":0.25,"mem_total_bytes":52428800,"mem_limit_bytes":104857600}`),
		Sample: &sample.Sample{
			Has: []string{"cpu", "faults", "network", "connections", "rtt", "disk", "processes"},
			CPU: sample.CPU{Waited: 1500 * time.Millisecond, Voluntary: 10, Involuntary: 5,
				Wait: sample.Histogram{First: 2048, Counts: [sample.Slots]uint64{0, 99, 1}}},
			Faults: sample.Faults{Minor: 100, Major: 2},
			Network: sample.Network{ReceivedBytes: 2048, ReceivedPackets: 3, SentBytes: 4096, SentPackets: 4, EgressBytes: 1024, Connected: 5, Accepted: 2,
				Refused: 1, Closed: 4, Retransmits: 6, RTT: sample.Histogram{First: 16 * time.Microsecond, Counts: [sample.Slots]uint64{0, 0, 0, 8}}},
			Disk: sample.Disk{ReadBytes: 1 << 20, Reads: 3, WriteBytes: 2 << 20, Writes: 4,
				Latency: sample.Histogram{First: 16 * time.Microsecond, Counts: [sample.Slots]uint64{5, 2}}},
			Processes: sample.Processes{Started: 7, Ended: 6, OOMKills: 1},
		},
	}
	for range 12 {
		u.History = append(u.History, sample.Point{CPU: 250, Memory: 1024})
	}
	u.History = append(u.History, sample.Point{CPU: 500, Memory: 2048, Read: 10, Sent: 30})
	var out bytes.Buffer
	a := &app{out: screen.Text(&out)}
	if err := a.printUsage("f/a (running on h)", u); err != nil {
		t.Fatal(err)
	}
	want := `Task         f/a (running on h)
Shares       its container with 1 other task
Processors   4.50 s (3.00 s in the program, 1.50 s in the kernel) with 2 cpus
             0.50 cpus now, 0.50 cpus at most in 2 minutes
             ▄▄▄▄▄▄▄▄▄▄▄▄█
Throttled    in 4 of 100 periods, for 0.25 s
Memory       50 MB of 100 MB
             2.0 MB now, 2.0 MB at most in 2 minutes
             ▄▄▄▄▄▄▄▄▄▄▄▄█
Waits        1.5 s for processors; half within 3 µs, 99 % within 4 µs; 10 switches of its own will, 5 others
Page faults  100, and 2 that waited for a disk
Network      received 2.0 KB in 3 packets, sent 4.0 KB in 4, 1.0 KB of it off the machine
             30.0 KB/s now, 30.0 KB/s at most in 2 minutes
             ▁▁▁▁▁▁▁▁▁▁▁▁█
Connections  3 open; 5 opened, 2 accepted, 1 refused; 6 segments sent again
Round trips  half within 96 µs, 99 % within 127 µs
Disks        read 1.0 MB in 3, wrote 2.0 MB in 4; half within 11 µs, 99 % within 31 µs
             10.0 KB/s now, 10.0 KB/s at most in 2 minutes
             ▁▁▁▁▁▁▁▁▁▁▁▁█
Processes    7 began, 6 ended, 1 killed for want of memory
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	u.Sample, u.History = nil, nil
	out.Reset()
	if err := a.printUsage("f/a", u); err != nil || !bytes.Contains(out.Bytes(), []byte("no ebpf/accounting")) {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestALongHistoryIsCondensed(t *testing.T) {
	values := make([]uint32, 360)
	values[7], values[359] = 5, 9
	got := condense(values, 60)
	if len(got) != 60 || got[1] != 5 || got[59] != 9 || slices.Max(got[2:59]) != 0 {
		t.Errorf("%v", got)
	}
	if got := condense(values[:3], 60); len(got) != 3 {
		t.Errorf("%v", got)
	}
}

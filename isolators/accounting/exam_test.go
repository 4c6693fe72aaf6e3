package accounting_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/accounting"
	"github.com/meseta-io/meseta/isolators/cgroups"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

var needs = []exam.Need{exam.Root, exam.BTF, exam.Unified}

func core() []isolators.Builder { return cgroups.Builders()[:1] }

// left are bpf file systems and what is pinned where the machine has one.
func left(t *testing.T) (all []string) {
	pinned, _ := filepath.Glob("/sys/fs/bpf/meseta/*/*/*")
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "bpf" {
			all = append(all, "mount "+f[1])
		}
	}
	return append(all, pinned...)
}

func TestAccountingExam(t *testing.T) {
	exam.Take(t, exam.Case{
		Builder: accounting.Builder, Before: core(), Needs: needs, Things: left,
		Script: "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; (true); echo done >done; exec sleep 600",
		Running: func(t *testing.T, x *exam.Box) {
			x.File(t, "done")
		},
		Usage: func(t *testing.T, x *exam.Box, s *mesospb.ResourceStatistics) {
			if s.CpusUserTimeSecs == nil || s.NetRxBytes == nil || s.NetTcpActiveConnections == nil || s.BlkioStatistics == nil {
				t.Errorf("%v", s)
			}
		},
	})
}

func TestPortsExam(t *testing.T) {
	exam.Take(t, exam.Case{
		Builder: accounting.PortsBuilder, Before: core(), Needs: needs, Things: left,
		Container: func(c *isolators.Container) { c.Resources = append(c.Resources, ports(24500, 24509)) },
		Update:    func(c *isolators.Container) { c.Resources = append(c.Resources, ports(24520, 24529)) },
		Refused: map[string]func(c *isolators.Container){
			"ports that there are not": func(c *isolators.Container) { c.Resources = append(c.Resources, ports(65000, 70000)) },
		},
	})
}

func ports(begin, end uint64) *mesospb.Resource {
	return &mesospb.Resource{Name: proto.String("ports"), Type: mesospb.Value_RANGES.Enum(), Ranges: &mesospb.Value_Ranges{
		Range: []*mesospb.Value_Range{{Begin: &begin, End: &end}}}}
}

package cgroups

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestFlat(t *testing.T) {
	got := map[string]uint64{}
	flat([]byte("usage_usec 12\nnr_periods 3\nbad x\nworse\n\n neither 1\nmuch 99999999999999999999\nlast 7"), func(k []byte, n uint64) { got[string(k)] = n })
	if len(got) != 3 || got["usage_usec"] != 12 || got["nr_periods"] != 3 || got["last"] != 7 {
		t.Errorf("%v", got)
	}
}

func TestLines(t *testing.T) {
	got := lines("8:0 Read 10\n8:0 Total 15\n8:16 77\nTotal 92\n8:0 Sideways 1\nnonsense\n9 Read 1\n8:0 Read x\n")
	want := []line{
		{major: 8, device: true, op: mesospb.CgroupInfo_Blkio_READ, value: 10},
		{major: 8, device: true, op: mesospb.CgroupInfo_Blkio_TOTAL, value: 15},
		{major: 8, minor: 16, device: true, value: 77},
		{op: mesospb.CgroupInfo_Blkio_TOTAL, value: 92},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestIOStat(t *testing.T) {
	got := ioStat("254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n254:16 \nnonsense\n8:0 rbytes=1 rios=1\n")
	if len(got) != 3 || got[0].GetDevice().GetMajorNumber() != 254 || got[2].Device != nil {
		t.Fatalf("%v", got)
	}
	want := []*operation{
		{Op: mesospb.CgroupInfo_Blkio_READ.Enum(), Value: proto.Uint64(4096)}, {Op: mesospb.CgroupInfo_Blkio_WRITE.Enum(), Value: proto.Uint64(8192)},
		{Op: mesospb.CgroupInfo_Blkio_DISCARD.Enum(), Value: proto.Uint64(0)},
	}
	if !slices.EqualFunc(got[0].IoServiceBytes, want, func(a, b *operation) bool { return proto.Equal(a, b) }) {
		t.Errorf("%v", got[0])
	}
	if n := got[2].IoServiceBytes[0].GetValue(); n != 4096+8192+1 {
		t.Errorf("the sum is %d", n)
	}
}

func TestPresence(t *testing.T) {
	text := "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nmemory\t0\t1\t0\n"
	for name, want := range map[string]presence{"cpu": present, "memory": disabled, "net_cls": absent, "": absent} {
		if got := presenceIn(text, name); got != want {
			t.Errorf("%q: %d", name, got)
		}
	}
}

// FuzzFiles reads what no kernel would write.
func FuzzFiles(f *testing.F) {
	f.Add("8:0 Read 10\n8:0 Total 15\nTotal 92\n")
	f.Add("254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n")
	f.Add("usage_usec 12\nnr_periods 3\n")
	f.Add("cpu\t1\t1\t1\n")
	f.Fuzz(func(t *testing.T, text string) {
		flat([]byte(text), func(k []byte, _ uint64) {
			if strings.ContainsAny(string(k), " \n") {
				t.Errorf("a word %q", k)
			}
		})
		for _, l := range lines(text) {
			if !l.device && l.op == mesospb.CgroupInfo_Blkio_UNKNOWN {
				t.Errorf("%q has a number of nothing", text)
			}
		}
		if all := ioStat(text); len(all) == 0 || all[len(all)-1].Device != nil {
			t.Errorf("%q has no sum", text)
		}
		presenceIn(text, "cpu")
	})
}

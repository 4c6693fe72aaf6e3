package resources_test

import (
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

func TestPrinting(t *testing.T) {
	alice := reserved(static("alice"))
	hosted := func(m *mesospb.Resource) { m.Disk.Volume.HostPath = proto.String("/hdfs") }
	refined := dynamic("alice/refined", "hdfs-p")
	labelled := dynamic("alice/refined", "hdfs-p", "foo", "bar")
	labelled.Labels.Labels = append(labelled.Labels.Labels, &mesospb.Label{Key: proto.String("foo")})
	v := with(t, "disk:64", reserved(static("role1")), volume("id1", "path1"), shared)
	for _, c := range []struct {
		name string
		r    resources.Resources
		want string
	}{
		{"nothing", resources.Resources{}, "{}"},
		{"one of each type", parse(t, "cpus:45.55;ports:[10000-20000, 30000-50000];disks:{sda1}"), "cpus:45.55; ports:[10000-20000, 30000-50000]; disks:{sda1}"},
		{"plain", with(t, "disk:1"), "disk:1"},
		{"reserved", with(t, "disk:1", alice), "disk(reservations: [(STATIC,alice)]):1"},
		{"allocated", with(t, "disk:1", alice).Allocate("role"), "disk(allocated: role)(reservations: [(STATIC,alice)]):1"},
		{"revocable", with(t, "disk:1", alice, revocable), "disk(reservations: [(STATIC,alice)]){REV}:1"},
		{"a volume", with(t, "disk:1", alice, volume("hadoop", "/data")), "disk(reservations: [(STATIC,alice)])[hadoop:/data]:1"},
		{"a revocable volume", with(t, "disk:1", alice, volume("hadoop", "/data"), revocable), "disk(reservations: [(STATIC,alice)])[hadoop:/data]{REV}:1"},
		{"a volume of the host", with(t, "disk:1", alice, volume("hadoop", "/data"), hosted), "disk(reservations: [(STATIC,alice)])[hadoop:/hdfs:/data:rw]:1"},
		{"on a mount", with(t, "disk:1", alice, volume("hadoop", "/data"), hosted, onMount("/mnt1")), "disk(reservations: [(STATIC,alice)])[MOUNT:/mnt1,hadoop:/hdfs:/data:rw]:1"},
		{"on a path", with(t, "disk:1", alice, volume("hadoop", "/data"), hosted, onPath("/mnt2")), "disk(reservations: [(STATIC,alice)])[PATH:/mnt2,hadoop:/hdfs:/data:rw]:1"},
		{"of a provider", with(t, "disk:1", source(&mesospb.Resource_DiskInfo_Source{Type: mesospb.Resource_DiskInfo_Source_RAW.Enum(), Vendor: proto.String("v"), Profile: proto.String("p")})), "disk[RAW(v,,p)]:1"},
		{"refined", with(t, "disk:1", alice, reserved(refined), volume("hadoop", "/data"), hosted), "disk(reservations: [(STATIC,alice),(DYNAMIC,alice/refined,hdfs-p)])[hadoop:/hdfs:/data:rw]:1"},
		{"with labels", with(t, "disk:1", alice, reserved(labelled), volume("hadoop", "/data"), hosted), "disk(reservations: [(STATIC,alice),(DYNAMIC,alice/refined,hdfs-p,{foo: bar, foo})])[hadoop:/hdfs:/data:rw]:1"},
		{"shared", v, "disk(reservations: [(STATIC,role1)])[id1:path1]<SHARED>:64<1>"},
		{"shared twice", v.Add(v), "disk(reservations: [(STATIC,role1)])[id1:path1]<SHARED>:64<2>"},
		{"three decimals", parse(t, "cpus:1.234"), "cpus:1.234"},
		{"a fourth is rounded up", parse(t, "cpus:1.2345"), "cpus:1.235"},
		{"a fourth is rounded down", parse(t, "cpus:1.2344"), "cpus:1.234"},
		{"no zeros at the end", parse(t, "cpus:1.1"), "cpus:1.1"},
		{"no exponent", parse(t, "cpus:1000001"), "cpus:1000001"},
		{"large and precise", parse(t, "cpus:99999999999.9994"), "cpus:99999999999.999"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.r.String(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

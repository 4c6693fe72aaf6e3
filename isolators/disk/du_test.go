package disk_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/disk"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

var builder = isolators.Builder{Names: []string{"disk/du", "posix/disk"}, New: disk.NewDU}

// persistent is a persistent volume on a disk.
func persistent(id string, megabytes float64, source *mesospb.Resource_DiskInfo_Source) *mesospb.Resource {
	r := exam.Scalar("disk", megabytes)
	r.Reservations = []*mesospb.Resource_ReservationInfo{{Type: mesospb.Resource_ReservationInfo_STATIC.Enum(), Role: proto.String("web")}}
	r.Disk = &mesospb.Resource_DiskInfo{Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: &id}, Source: source,
		Volume: &mesospb.Volume{ContainerPath: proto.String("data"), Mode: mesospb.Volume_RW.Enum()}}
	return r
}

func onPath(root string) *mesospb.Resource_DiskInfo_Source {
	return &mesospb.Resource_DiskInfo_Source{Type: mesospb.Resource_DiskInfo_Source_PATH.Enum(), Path: &mesospb.Resource_DiskInfo_Source_Path{Root: &root}}
}

func onMount(root string) *mesospb.Resource_DiskInfo_Source {
	return &mesospb.Resource_DiskInfo_Source{Type: mesospb.Resource_DiskInfo_Source_MOUNT.Enum(), Mount: &mesospb.Resource_DiskInfo_Source_Mount{Root: &root}}
}

func TestDU(t *testing.T) {
	exam.Take(t, exam.Case{
		Builder: builder,
		Settings: func(s *isolators.Settings) {
			s.ContainerDiskWatchInterval, s.EnforceContainerDiskQuota = 5*time.Millisecond, true
		},
		Container: func(c *isolators.Container) {
			c.Resources = append(c.Resources, exam.Scalar("disk", 1), exam.Scalar("disk", 1))
		},
		Running: func(t *testing.T, x *exam.Box) {
			exam.Eventually(t, "the usage is known", func() bool {
				s := &mesospb.ResourceStatistics{}
				must(t, x.Isolator.Usage(ctx, []*isolators.Container{x.Container}, []*mesospb.ResourceStatistics{s}))
				return s.DiskUsedBytes != nil && s.GetDiskLimitBytes()%(2<<20) == 0 && len(s.DiskStatistics) == 1
			})
		},
		Update: func(c *isolators.Container) { c.Resources = []*mesospb.Resource{exam.Scalar("disk", 4)} },
		Updated: func(t *testing.T, x *exam.Box) {
			s := &mesospb.ResourceStatistics{}
			must(t, x.Isolator.Usage(ctx, []*isolators.Container{x.Container}, []*mesospb.ResourceStatistics{s}))
			if s.GetDiskLimitBytes() != 4<<20 {
				t.Errorf("the limit is %d", s.GetDiskLimitBytes())
			}
		},
		Breaks: "head -c 3000000 /dev/zero > file; sleep 600",
		Limit:  mesospb.TaskStatus_REASON_CONTAINER_LIMITATION_DISK,
	})
}

// watch has an isolator look at a container, and returns what it tells.
func watch(t *testing.T, edit func(*isolators.Settings), rs ...*mesospb.Resource) (isolators.Isolator, *isolators.Container, chan isolators.Limitation) {
	t.Helper()
	dir := t.TempDir()
	s := isolators.Settings{WorkDir: dir, ContainerDiskWatchInterval: 5 * time.Millisecond, EnforceContainerDiskQuota: true}
	if edit != nil {
		edit(&s)
	}
	i, err := builder.New(s)
	c := &isolators.Container{ID: "c", Info: &mesospb.ContainerInfo{}, Sandbox: filepath.Join(dir, "box"), Resources: rs}
	must(t, err, os.Mkdir(c.Sandbox, 0o755), i.Prepare(ctx, c, &isolators.Plan{}))
	told := make(chan isolators.Limitation, 10)
	i.Watch(c, func(l isolators.Limitation) { told <- l })
	t.Cleanup(func() { must(t, i.Cleanup(ctx, c)) })
	return i, c, told
}

func used(t *testing.T, i isolators.Isolator, c *isolators.Container) *mesospb.ResourceStatistics {
	t.Helper()
	s := &mesospb.ResourceStatistics{}
	must(t, i.Usage(ctx, []*isolators.Container{c}, []*mesospb.ResourceStatistics{s}))
	return s
}

func TestTooMuchInTheSandbox(t *testing.T) {
	_, c, told := watch(t, nil, exam.Scalar("disk", 1))
	fill(t, filepath.Join(c.Sandbox, "deep/file"), 2048-8)
	l := <-told
	if l.Reason != mesospb.TaskStatus_REASON_CONTAINER_LIMITATION_DISK || !strings.HasPrefix(l.Message, "Disk usage (") || !strings.HasSuffix(l.Message, ") exceeds quota (1MB)") ||
		len(l.Resources) != 1 || l.Resources[0].GetScalar().GetValue() != 1 {
		t.Errorf("%+v", l)
	}
}

func TestTooMuchInAVolume(t *testing.T) {
	disk := t.TempDir()
	dir := filepath.Join(disk, "volumes/roles/web/v")
	fill(t, filepath.Join(dir, "before"), 100)
	i, c, told := watch(t, nil, exam.Scalar("disk", 64), persistent("v", 1, onPath(disk)))
	exam.Eventually(t, "the volume is measured", func() bool {
		s := used(t, i, c)
		return len(s.DiskStatistics) == 2 && s.DiskStatistics[1].GetUsedBytes() >= 100<<10
	})
	s := used(t, i, c)
	if v := s.DiskStatistics[1]; v.GetPersistence().GetId() != "v" || v.GetSource().GetPath().GetRoot() != disk || v.GetLimitBytes() != 1<<20 {
		t.Errorf("%+v", v)
	}
	if s.GetDiskLimitBytes() != 64<<20 || s.GetDiskUsedBytes() > 100<<10 {
		t.Errorf("the sandbox: %+v", s)
	}
	fill(t, filepath.Join(dir, "more"), 1024)
	if l := <-told; !strings.Contains(l.Message, "exceeds quota (1MB)") || l.Resources[0].GetDisk().GetPersistence().GetId() != "v" {
		t.Errorf("%+v", l)
	}
}

// A volume that is a whole disk ends where the disk ends.
func TestWholeDisksAreNotLimited(t *testing.T) {
	disk := t.TempDir()
	fill(t, filepath.Join(disk, "file"), 2048)
	i, c, told := watch(t, nil, persistent("v", 1, onMount(disk)))
	exam.Eventually(t, "the volume is measured", func() bool { return used(t, i, c).DiskStatistics[0].GetUsedBytes() >= 2<<20 })
	if len(told) > 0 {
		t.Errorf("%+v", <-told)
	}
	if s := used(t, i, c); s.DiskLimitBytes != nil {
		t.Errorf("there is no disk for the sandbox, and it has %d", s.GetDiskLimitBytes())
	}
}

func TestNothingEndsWithoutEnforcement(t *testing.T) {
	i, c, told := watch(t, func(s *isolators.Settings) { s.EnforceContainerDiskQuota = false }, exam.Scalar("disk", 1))
	fill(t, filepath.Join(c.Sandbox, "file"), 2048)
	exam.Eventually(t, "the file is counted", func() bool { return used(t, i, c).GetDiskUsedBytes() >= 2<<20 })
	if len(told) > 0 {
		t.Errorf("%+v", <-told)
	}
}

// More disk comes before the next look.
func TestAnUpdateChangesTheQuota(t *testing.T) {
	i, c, told := watch(t, nil, exam.Scalar("disk", 4))
	fill(t, filepath.Join(c.Sandbox, "file"), 2048)
	exam.Eventually(t, "the file is counted", func() bool { return used(t, i, c).GetDiskUsedBytes() >= 2<<20 })
	c.Resources = []*mesospb.Resource{exam.Scalar("disk", 1)}
	must(t, i.Update(ctx, c))
	if s := used(t, i, c); s.GetDiskUsedBytes() < 2<<20 || s.GetDiskLimitBytes() != 1<<20 {
		t.Errorf("%+v", s)
	}
	if l := <-told; !strings.Contains(l.Message, "quota (1MB)") {
		t.Errorf("%+v", l)
	}
}

// What is in a container counts for the outermost one, and only there.
func TestNestedContainersAreNotWatched(t *testing.T) {
	i, c, _ := watch(t, nil, exam.Scalar("disk", 1))
	n := &isolators.Container{ID: "c.n", Parent: c, Info: c.Info, Sandbox: c.Sandbox + "/containers/n", Resources: c.Resources}
	i.Watch(n, func(isolators.Limitation) { t.Error("a limitation") })
	if s := used(t, i, n); s.DiskLimitBytes != nil {
		t.Errorf("%+v", s)
	}
	must(t, i.Update(ctx, n), i.Cleanup(ctx, n))
}

// A volume is not counted for the sandbox, in which it appears.
func TestAVolumeIsNotTheSandboxs(t *testing.T) {
	disk := t.TempDir()
	dir := filepath.Join(disk, "volumes/roles/web/v")
	fill(t, filepath.Join(dir, "file"), 2048)
	i, c, told := watch(t, nil, exam.Scalar("disk", 1), persistent("v", 4, onPath(disk)))
	must(t, os.Symlink(dir, filepath.Join(c.Sandbox, "data"))) // as filesystem/posix does
	exam.Eventually(t, "both are measured", func() bool {
		s := used(t, i, c)
		return s.DiskUsedBytes != nil && s.DiskStatistics[1].GetUsedBytes() >= 2<<20
	})
	if s := used(t, i, c); s.GetDiskUsedBytes() > 1<<20 || len(told) > 0 {
		t.Errorf("%+v", s)
	}
}

package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/disk"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// onXFS is a directory on a file system with project quotas, which MESETA_XFS names; the virtual machine has one.
func onXFS(t *testing.T) string {
	t.Helper()
	exam.Skip(t, exam.Root, mountedXFS)
	dir, err := os.MkdirTemp(os.Getenv("MESETA_XFS"), "test-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func mountedXFS() string {
	if os.Getenv("MESETA_XFS") == "" {
		return "xfs with project quotas (MESETA_XFS)"
	}
	return ""
}

func xfs(t *testing.T, work string, edit func(*isolators.Settings)) isolators.Isolator {
	t.Helper()
	s := isolators.Settings{Root: true, WorkDir: work, EnforceContainerDiskQuota: true, ContainerDiskWatchInterval: 10 * time.Millisecond}
	if edit != nil {
		edit(&s)
	}
	i, err := disk.NewXFS(s)
	must(t, err)
	return i
}

func box(t *testing.T, work, id string, rs ...*mesospb.Resource) *isolators.Container {
	t.Helper()
	c := &isolators.Container{ID: id, Info: &mesospb.ContainerInfo{}, Sandbox: filepath.Join(work, "slaves/S/frameworks/F/executors/E/runs", id), State: t.TempDir(), Resources: rs}
	must(t, os.MkdirAll(c.Sandbox, 0o755))
	return c
}

// write fills a file up to a size, as far as it may.
func write(name string, kilobytes int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, kilobytes<<10))
	return errors.Join(err, f.Sync(), f.Close())
}

func TestXFS(t *testing.T) {
	work := onXFS(t)
	exam.Take(t, exam.Case{
		Builder: isolators.Builder{Names: []string{"disk/xfs"}, New: disk.NewXFS},
		Settings: func(s *isolators.Settings) {
			s.WorkDir, s.EnforceContainerDiskQuota, s.XFSKillContainers, s.ContainerDiskWatchInterval = work, true, true, 10*time.Millisecond
		},
		Container: func(c *isolators.Container) { c.Resources = append(c.Resources, exam.Scalar("disk", 2)) },
		Script:    "dd if=/dev/zero of=file bs=1024 count=512 2>/dev/null; sync; echo done > told; sleep 600",
		Running:   func(t *testing.T, x *exam.Box) { x.File(t, "told") },
		Usage: func(t *testing.T, x *exam.Box, s *mesospb.ResourceStatistics) {
			if s.GetDiskUsedBytes() < 512<<10 || s.GetDiskUsedBytes() > 1<<20 || s.GetDiskLimitBytes()%(2<<20) != 0 || len(s.DiskStatistics) != 1 {
				t.Errorf("%+v", s)
			}
		},
		Update:  func(c *isolators.Container) { c.Resources = []*mesospb.Resource{exam.Scalar("disk", 4)} },
		Updated: func(t *testing.T, x *exam.Box) {},
		Breaks:  "dd if=/dev/zero of=file bs=1024 count=3000; sleep 600",
		Limit:   mesospb.TaskStatus_REASON_CONTAINER_LIMITATION_DISK,
	})
}

func TestMoreThanTheQuotaIsRefused(t *testing.T) {
	work := onXFS(t)
	i := xfs(t, work, nil)
	c := box(t, work, "c", exam.Scalar("disk", 1))
	must(t, i.Prepare(ctx, c, &isolators.Plan{}), os.MkdirAll(c.Sandbox+"/deep/er", 0o755))
	if err := write(c.Sandbox+"/deep/er/file", 2048); !errors.Is(err, unix.EDQUOT) && !errors.Is(err, unix.ENOSPC) {
		t.Errorf("2 MB in 1 MB: %v", err)
	}
	if s := used(t, i, c); s.GetDiskUsedBytes() > 1<<20 || s.GetDiskLimitBytes() != 1<<20 {
		t.Errorf("%+v", s)
	}
	other := box(t, work, "other", exam.Scalar("disk", 4))
	must(t, i.Prepare(ctx, other, &isolators.Plan{}), write(other.Sandbox+"/file", 2048))
	c.Resources = []*mesospb.Resource{exam.Scalar("disk", 4)}
	must(t, i.Update(ctx, c), write(c.Sandbox+"/deep/er/file", 2048))
	must(t, i.Cleanup(ctx, c), i.Cleanup(ctx, c), i.Cleanup(ctx, other))
}

// Without enforcement the file system only counts.
func TestWithoutEnforcementItCounts(t *testing.T) {
	work := onXFS(t)
	i := xfs(t, work, func(s *isolators.Settings) { s.EnforceContainerDiskQuota = false })
	c := box(t, work, "c", exam.Scalar("disk", 1))
	must(t, i.Prepare(ctx, c, &isolators.Plan{}), write(c.Sandbox+"/file", 2048))
	if s := used(t, i, c); s.GetDiskUsedBytes() < 2<<20 || s.GetDiskLimitBytes() != 1<<20 {
		t.Errorf("%+v", s)
	}
}

func TestWhoGoesBeyondIsEnded(t *testing.T) {
	work := onXFS(t)
	i := xfs(t, work, func(s *isolators.Settings) { s.XFSKillContainers, s.XFSQuotaHeadroom = true, 2<<20 })
	c := box(t, work, "c", exam.Scalar("disk", 1), persistent("v", 2, onPath(work)))
	must(t, os.MkdirAll(work+"/volumes/roles/web/v", 0o755), i.Prepare(ctx, c, &isolators.Plan{}))
	told := make(chan isolators.Limitation, 10)
	i.Watch(c, func(l isolators.Limitation) { told <- l })
	if err := write(work+"/volumes/roles/web/v/file", 3072); err != nil {
		t.Errorf("there is headroom: %v", err)
	}
	l := <-told
	if l.Reason != mesospb.TaskStatus_REASON_CONTAINER_LIMITATION_DISK || l.Message != "Disk usage (3MB) exceeded quota (2MB) for volume 'v'" || l.Resources[0].GetScalar().GetValue() != 3 || l.Resources[0].GetDisk().GetPersistence().GetId() != "v" {
		t.Errorf("%+v", l)
	}
	if err := write(work+"/volumes/roles/web/v/more", 2048); !errors.Is(err, unix.EDQUOT) && !errors.Is(err, unix.ENOSPC) {
		t.Errorf("beyond the headroom: %v", err)
	}
	must(t, i.Cleanup(ctx, c))
}

// Everything in a tree belongs to its project, what nobody can own alone and what links lead to excepted.
func TestATreeOfEverything(t *testing.T) {
	work := onXFS(t)
	dir := work + "/volumes/roles/web/v"
	out := filepath.Join(work, "out")
	fill(t, dir+"/a/b/file", 512)
	fill(t, out+"/file", 512)
	must(t, os.Symlink(out, dir+"/link"), syscall.Mkfifo(dir+"/pipe", 0o600), os.Symlink(out+"/file", dir+"/a/tofile"))
	i := xfs(t, work, nil)
	c := box(t, work, "c", persistent("v", 1, nil))
	must(t, i.Prepare(ctx, c, &isolators.Plan{}))
	s := used(t, i, c)
	if v := s.DiskStatistics[1]; v.GetUsedBytes() < 512<<10 || v.GetUsedBytes() > 600<<10 || v.GetPersistence().GetId() != "v" {
		t.Errorf("%+v", v)
	}
	if err := write(dir+"/a/b/more", 1024); err == nil {
		t.Error("what is deep in it has no quota")
	}
	must(t, write(out+"/more", 4096))
}

func TestIdsStayWithTheirDirectories(t *testing.T) {
	work := onXFS(t)
	two := func(s *isolators.Settings) { s.XFSProjectRange = "[7000-7001]" }
	i := xfs(t, work, two)
	a, b, c := box(t, work, "a", exam.Scalar("disk", 1)), box(t, work, "b", exam.Scalar("disk", 1)), box(t, work, "c", exam.Scalar("disk", 1))
	must(t, i.Prepare(ctx, a, &isolators.Plan{}), i.Prepare(ctx, b, &isolators.Plan{}))
	exhausted := func(i isolators.Isolator) {
		t.Helper()
		if err := i.Prepare(ctx, c, &isolators.Plan{}); !errors.Is(err, fault.ErrUnavailable) || !strings.Contains(err.Error(), "Failed to assign project ID, range exhausted") {
			t.Errorf("%v", err)
		}
		must(t, i.Cleanup(ctx, c))
	}
	exhausted(i)
	must(t, i.Cleanup(ctx, a)) // the sandbox is still there
	exhausted(i)
	i = xfs(t, work, two)
	must(t, i.Recover(ctx, []*isolators.Container{b}))
	exhausted(i)
	if s := used(t, i, b); s.GetDiskLimitBytes() != 1<<20 {
		t.Errorf("after a restart: %+v", s)
	}
	must(t, os.RemoveAll(a.Sandbox), i.Prepare(ctx, c, &isolators.Plan{}))
	if err := write(c.Sandbox+"/file", 2048); err == nil {
		t.Error("the quota of an id that was used before is not kept")
	}
}

// Containers that were launched without the isolator are managed after a restart with it, those beyond their quota too.
func TestContainersOfBefore(t *testing.T) {
	work := onXFS(t)
	i := xfs(t, work, nil)
	small, big := box(t, work, "small", exam.Scalar("disk", 2)), box(t, work, "big", exam.Scalar("disk", 1))
	must(t, write(small.Sandbox+"/file", 512), write(big.Sandbox+"/file", 2048), i.Recover(ctx, []*isolators.Container{small, big}))
	if s := used(t, i, small); s.GetDiskUsedBytes() < 512<<10 {
		t.Errorf("%+v", s)
	}
	if s := used(t, i, big); s.GetDiskUsedBytes() < 2<<20 || s.GetDiskLimitBytes() != 1<<20 {
		t.Errorf("%+v", s)
	}
	if err := write(big.Sandbox+"/more", 512); err == nil {
		t.Error("one beyond its quota gets more")
	}
}

func TestXFSRefuses(t *testing.T) {
	for sentence, s := range map[string]isolators.Settings{
		"requires running as root":          {WorkDir: "/"},
		"is not an XFS filesystem":          {Root: true, WorkDir: "/proc"},
		"Failed to parse XFS project range": {Root: true, WorkDir: "/", XFSProjectRange: "foo"},
		"contains illegal 0 value":          {Root: true, WorkDir: "/", XFSProjectRange: "[0-10]"},
		"is out of range":                   {Root: true, WorkDir: "/", XFSProjectRange: "[100-4294967296]"},
	} {
		if _, err := disk.NewXFS(s); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%v, want %s", err, sentence)
		}
	}
	if _, err := disk.NewXFS(isolators.Settings{Root: true, WorkDir: "/", XFSProjectRange: "cpus:1"}); !errors.Is(err, fault.ErrInvalid) {
		t.Error(err)
	}
	work := onXFS(t)
	s := isolators.Settings{Root: true, WorkDir: work, AgentResources: []*mesospb.Resource{{Name: proto.String("disk"), Disk: &mesospb.Resource_DiskInfo{Source: onPath("/proc")}}}}
	if _, err := disk.NewXFS(s); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "is not an XFS filesystem") {
		t.Error(err)
	}
}

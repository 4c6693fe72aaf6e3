package namespaces_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/namespaces"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestUser(t *testing.T) {
	s := settings
	s.UserNamespaceRange = "[200000-331071]" // two blocks
	i := build(t, namespaces.NewUser, s)
	one, two, three := fresh(t, "1", nil), fresh(t, "2", nil), fresh(t, "3", nil)
	one.UID, one.GID = 1000, 100
	p := prepared(t, i, one)
	if want := []isolators.IDMap{{Inside: 0, Outside: 200000, Size: 1000}, {Inside: 1000, Outside: 1000, Size: 1}, {Inside: 1001, Outside: 201001, Size: 64535}}; p.Namespaces != unix.CLONE_NEWUSER || !slices.Equal(p.UIDs, want) {
		t.Errorf("%+v", p)
	}
	if want := (isolators.IDMap{Inside: 100, Outside: 100, Size: 1}); !slices.Contains(p.GIDs, want) {
		t.Errorf("groups %+v", p.GIDs)
	}
	two.UID, two.GID = 65535, 65535
	if p := prepared(t, i, two); p.UIDs[0] != (isolators.IDMap{Inside: 0, Outside: 265536, Size: 65535}) || len(p.UIDs) != 2 {
		t.Errorf("of the last id: %+v", p.UIDs)
	}
	if err := i.Prepare(ctx, three, &isolators.Plan{}); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a third block of two: %v", err)
	}
	// After a restart what is taken stays taken.
	i = build(t, namespaces.NewUser, s)
	must(t, i.Recover(ctx, []*isolators.Container{one, three}))
	if p := prepared(t, i, two); p.UIDs[0].Outside != 265536 {
		t.Errorf("after a restart: %+v", p.UIDs)
	}
	must(t, i.Cleanup(ctx, one), i.Cleanup(ctx, one))
	three.UID, three.GID = 7, 7
	if p := prepared(t, i, three); p.UIDs[0].Outside != 200000 {
		t.Errorf("what was given back: %+v", p.UIDs)
	}
}

func TestUserRefuses(t *testing.T) {
	i := build(t, namespaces.NewUser, settings)
	shares, volume, far := fresh(t, "1", nil), fresh(t, "2", nil), fresh(t, "3", nil)
	shares.Info.LinuxInfo.SharePidNamespace = proto.Bool(true)
	volume.Resources = []*mesospb.Resource{{Name: proto.String("disk"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(1)},
		Reservations: []*mesospb.Resource_ReservationInfo{{Type: mesospb.Resource_ReservationInfo_STATIC.Enum(), Role: proto.String("web")}},
		Disk:         &mesospb.Resource_DiskInfo{Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: proto.String("v")}, Volume: &mesospb.Volume{ContainerPath: proto.String("data"), Mode: mesospb.Volume_RW.Enum()}}}}
	far.UID = 70000
	for what, c := range map[string]*isolators.Container{"pid namespace": shares, "persistent volumes": volume, "below 65536": far} {
		if err := i.Prepare(ctx, c, &isolators.Plan{}); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
	for _, text := range []string{"[0-70000]", "[1-100]", "7", "[1-70000,80000-160000]", "x"} {
		s := settings
		s.UserNamespaceRange = text
		if _, err := namespaces.NewUser(s); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The sandbox of root is given to who root is outside, and a parent that makes a link of its child's gives nothing away.
func TestTheSandboxOfRootIsGivenToItsBlock(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	i := build(t, namespaces.NewUser, settings)
	c := fresh(t, "c", nil)
	must(t, os.WriteFile(filepath.Join(c.Sandbox, "fetched"), nil, 0o600), os.Symlink("/etc/passwd", filepath.Join(c.Sandbox, "link")))
	base := uint32(prepared(t, i, c).UIDs[0].Outside)
	owner := func(path string) uint32 {
		info, err := os.Lstat(path)
		must(t, err)
		return info.Sys().(*syscall.Stat_t).Uid
	}
	for path, want := range map[string]uint32{c.Sandbox: base, c.Sandbox + "/fetched": base, c.Sandbox + "/link": base, "/etc/passwd": 0} {
		if is := owner(path); is != want {
			t.Errorf("%s belongs to %d, want %d", path, is, want)
		}
	}
	nested := fresh(t, "c.n", c)
	if p := prepared(t, i, nested); p.UIDs[0].Outside != int(base) || owner(nested.Sandbox) != base {
		t.Errorf("nested: %+v, %d", p.UIDs, owner(nested.Sandbox))
	}
	out := t.TempDir()
	bad := fresh(t, "c.b", c)
	must(t, os.Remove(bad.Sandbox), os.Symlink(out, bad.Sandbox))
	if err := i.Prepare(ctx, bad, &isolators.Plan{}); !errors.Is(err, fault.ErrDenied) || owner(out) != 0 {
		t.Errorf("a link was followed: %v, %d", err, owner(out))
	}
	bad.Debug = true
	if err := i.Prepare(ctx, bad, &isolators.Plan{}); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("to debug: %v", err)
	}
}

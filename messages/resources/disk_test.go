package resources_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

func TestDiskValidation(t *testing.T) {
	for _, c := range []struct {
		name  string
		m     *mesospb.Resource
		wrong error
	}{
		{"only disks have disk info", message(t, "cpus:2", volume("1", "path")), resources.ErrDisk},
		{"a persistent volume", message(t, "disk(role):10", volume("1", "path")), nil},
		{"a volume without persistence", message(t, "disk:10", mounted("path")), nil},
		{"a persistent volume on a path", message(t, "disk(role):10", volume("1", "path"), onPath("mnt")), nil},
		{"a persistent volume on a mount", message(t, "disk(role):10", volume("1", "path"), onMount("mnt")), nil},
		{"a raw disk has no mount", message(t, "disk:10", onMount("mnt"), ofType(mesospb.Resource_DiskInfo_Source_RAW)), resources.ErrDisk},
		{"a block disk has no path", message(t, "disk:10", onPath("mnt"), ofType(mesospb.Resource_DiskInfo_Source_BLOCK)), resources.ErrDisk},
		{"a disk of no type", message(t, "disk:10", onPath("mnt"), ofType(mesospb.Resource_DiskInfo_Source_UNKNOWN)), resources.ErrDisk},
		{"only volumes are shared", message(t, "disk:10", shared), resources.ErrShared},
		{"cpus are not shared", message(t, "cpus:10", shared), resources.ErrShared},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := resources.Validate([]*mesospb.Resource{c.m}); !errors.Is(err, c.wrong) {
				t.Errorf("got %v, want %v", err, c.wrong)
			}
		})
	}
}

func ofType(kind mesospb.Resource_DiskInfo_Source_Type) edit {
	return func(m *mesospb.Resource) { disk(m).GetSource().Type = &kind }
}

func TestDiskEquality(t *testing.T) {
	t.Run("where it is mounted does not matter", func(t *testing.T) {
		mustDiffer(t, with(t, "disk:10"), with(t, "disk:10", mounted("path1")))
		mustEqual(t, with(t, "disk:10", mounted("path1")), with(t, "disk:10", mounted("path2")))
		mustEqual(t, with(t, "disk(role):10", volume("1", "path1")), with(t, "disk(role):10", volume("1", "path2")))
		mustDiffer(t, with(t, "disk(role):10", volume("1", "path2")), with(t, "disk(role):10", volume("2", "path2")))
		mustDiffer(t, with(t, "disk(role):10", mounted("path2")), with(t, "disk(role):10", volume("2", "path2")))
	})
	t.Run("where it lies matters", func(t *testing.T) {
		mustEqual(t, with(t, "disk:10", onPath("mnt")), with(t, "disk:10", onPath("mnt"), mounted("path1")))
		mustEqual(t, with(t, "disk:10", onPath("mnt"), mounted("path1")), with(t, "disk:10", onPath("mnt"), mounted("path2")))
		mustEqual(t, with(t, "disk(role):10", volume("1", "path1"), onPath("mnt")), with(t, "disk(role):10", volume("1", "path2"), onPath("mnt")))
		mustDiffer(t, with(t, "disk(role):10", volume("1", "path2"), onPath("mnt")), with(t, "disk(role):10", volume("2", "path2"), onPath("mnt")))
		mustDiffer(t, with(t, "disk(role):10", mounted("path2"), onPath("mnt")), with(t, "disk(role):10", volume("2", "path2"), onPath("mnt")))
		places := []resources.Resources{
			with(t, "disk:10"),
			with(t, "disk:10", onPath("mnt")), with(t, "disk:10", onPath("mnt2")),
			with(t, "disk:10", onMount("mnt")), with(t, "disk:10", onMount("mnt2")),
		}
		for i, a := range places {
			for j, b := range places {
				if i == j {
					mustEqual(t, a, b)
				} else {
					mustDiffer(t, a, b)
				}
			}
		}
	})
}

// TestDiskIdentity goes through every combination of type, vendor, id and profile.
func TestDiskIdentity(t *testing.T) {
	for _, kind := range []mesospb.Resource_DiskInfo_Source_Type{
		mesospb.Resource_DiskInfo_Source_RAW, mesospb.Resource_DiskInfo_Source_PATH,
		mesospb.Resource_DiskInfo_Source_BLOCK, mesospb.Resource_DiskInfo_Source_MOUNT,
	} {
		for bits := range 8 {
			s := &mesospb.Resource_DiskInfo_Source{Type: &kind}
			if bits&1 != 0 {
				s.Vendor = proto.String("vendor")
			}
			if bits&2 != 0 {
				s.Id = proto.String("id")
			}
			if bits&4 != 0 {
				s.Profile = proto.String("profile")
			}
			t.Run(fmt.Sprintf("%s with %03b", kind, bits), func(t *testing.T) {
				one, two := with(t, "disk:1", source(s)), with(t, "disk:2", source(s))
				mustContain(t, one, one)
				divisible := kind == mesospb.Resource_DiskInfo_Source_PATH || kind == mesospb.Resource_DiskInfo_Source_RAW && s.Id == nil
				if !divisible {
					mustNotContain(t, two, one)
					mustDiffer(t, two, one.Add(one))
					if one.Add(one).Len() != 2 {
						t.Errorf("%s is one", one.Add(one))
					}
					return
				}
				mustContain(t, two, one)
				mustEqual(t, two, one.Add(one))
			})
		}
	}
}

func TestDiskArithmetic(t *testing.T) {
	t.Run("volumes add up only without persistence", func(t *testing.T) {
		a, b := with(t, "disk(role):10", mounted("path")), with(t, "disk(role):10")
		twice := with(t, "disk(role):20", mounted("path"))
		mustEqual(t, a.Add(a), twice)
		mustDiffer(t, a.Add(b), twice)
		v1, v2 := with(t, "disk(role):10", volume("1", "path")), with(t, "disk(role):10", volume("2", "path"))
		sum := v1.Add(v2)
		mustContain(t, sum, v1)
		mustContain(t, sum, v2)
		mustNotContain(t, sum, twice)
		mustNotContain(t, sum, with(t, "disk(role):20", volume("1", "path")))
		mustEqual(t, sum, v2.Add(v1))
	})
	t.Run("paths add up, mounts do not", func(t *testing.T) {
		path10, path20 := with(t, "disk(role):10", onPath("mnt")), with(t, "disk(role):20", onPath("mnt"))
		other10, other20 := with(t, "disk(role):10", onPath("mnt2")), with(t, "disk(role):20", onPath("mnt2"))
		mustEqual(t, path10.Add(path10), path20)
		mustContain(t, path20, path10)
		mustDiffer(t, path10.Add(path10), other20)
		mustDiffer(t, path10.Add(other10), other20)
		mount10, mount20 := with(t, "disk(role):10", onMount("mnt")), with(t, "disk(role):20", onMount("mnt"))
		mustDiffer(t, mount10.Add(mount10), mount20)
		mustNotContain(t, mount20, mount10)
		mustContain(t, mount20, mount20)
		mustDiffer(t, path10.Add(mount10), path20)
		mustEqual(t, path10.Add(mount10), mount10.Add(path10))
	})
	t.Run("volumes are subtracted whole", func(t *testing.T) {
		a, b := with(t, "disk(role):10", mounted("path")), with(t, "disk(role):10")
		mustBeEmpty(t, a.Subtract(a))
		mustBeEmpty(t, b.Subtract(b))
		mustEqual(t, a.Subtract(b), a)
		v1, v2 := with(t, "disk(role):10", volume("1", "path")), with(t, "disk(role):10", volume("2", "path"))
		mustEqual(t, v1.Subtract(v2), v1)
		mustBeEmpty(t, v1.Subtract(v1))
		mustBeEmpty(t, v2.Subtract(with(t, "disk(role):10", volume("2", "path2"))))
	})
	t.Run("mounts are subtracted whole", func(t *testing.T) {
		path10, path20, other10 := with(t, "disk(role):10", onPath("mnt")), with(t, "disk(role):20", onPath("mnt")), with(t, "disk(role):10", onPath("mnt2"))
		mustBeEmpty(t, path10.Subtract(path10))
		mustBeEmpty(t, path20.Subtract(path10).Subtract(path10))
		mustEqual(t, other10.Subtract(path10), other10)
		mustEqual(t, path20.Subtract(path10), path10)
		mount10, mount20, second10 := with(t, "disk(role):10", onMount("mnt")), with(t, "disk(role):20", onMount("mnt")), with(t, "disk(role):10", onMount("mnt2"))
		mustBeEmpty(t, mount10.Subtract(mount10))
		mustEqual(t, mount20.Subtract(mount10).Subtract(mount10), mount20)
		mustEqual(t, second10.Subtract(mount10), second10)
		mustEqual(t, mount10.Subtract(path10), mount10)
	})
	t.Run("a volume that is listed twice must be there twice", func(t *testing.T) {
		v, other := with(t, "disk(role):10", volume("1", "path")), with(t, "disk(role):20", volume("2", "path"))
		mustNotContain(t, v, v.Add(v))
		mustContain(t, v.Add(v), v.Add(v))
		mustContain(t, v.Add(other), v)
		mustContain(t, v.Add(other), other)
		mount := with(t, "disk:10", onMount("mnt"))
		mustNotContain(t, mount, mount.Add(mount))
	})
	t.Run("volumes on paths and mounts are contained whole", func(t *testing.T) {
		for _, where := range []edit{onPath("mnt"), onMount("mnt")} {
			small, big := with(t, "disk(role):10", volume("1", "path"), where), with(t, "disk(role):20", volume("1", "path"), where)
			mustContain(t, small, small)
			mustContain(t, big, big)
			mustNotContain(t, big, small)
			mustNotContain(t, big, small.Add(small))
		}
		path10, path20 := with(t, "disk(role):10", onPath("mnt")), with(t, "disk(role):20", onPath("mnt"))
		mustContain(t, path20, path10)
		mustContain(t, path20, path10.Add(path10))
		mount10, mount20 := with(t, "disk(role):10", onMount("mnt")), with(t, "disk(role):20", onMount("mnt"))
		mustContain(t, mount10, mount10)
		mustNotContain(t, mount20, mount10)
		mustNotContain(t, mount20, mount10.Add(mount10))
	})
}

func TestVolumeDir(t *testing.T) {
	for _, c := range []struct {
		name, root, dir string
		m               *mesospb.Resource
	}{
		{"below the work directory", "", "volumes/roles/web/v1", message(t, "disk(web):10", volume("v1", "data"))},
		{"of a nested role", "", "volumes/roles/a b/v1", message(t, "disk(a/b):10", volume("v1", "data"))},
		{"on a disk for many", "/disks/1", "volumes/roles/web/v1", message(t, "disk(web):10", volume("v1", "data"), onPath("/disks/1"))},
		{"on a disk of its own", "/disks/2", ".", message(t, "disk(web):10", volume("v1", "data"), onMount("/disks/2"))},
	} {
		x, err := resources.FromOne(c.m)
		if root, dir := x.VolumeDir(); err != nil || root != c.root || dir != c.dir {
			t.Errorf("%s: %q %q, %v", c.name, root, dir, err)
		}
	}
}

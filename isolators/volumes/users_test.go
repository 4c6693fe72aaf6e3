package volumes_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/isolators/volumes"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Containers of different users share a directory of their parent's, and a persistent volume, as members of its group.
func TestUsersShareVolumes(t *testing.T) {
	m := newMachine(t, func(s *isolators.Settings) { s.VolumeGIDRange = "[10000-20000]" })
	var chain isolators.Chain
	for _, new := range []func(isolators.Settings) (isolators.Isolator, error){filesystem.NewLinux, volumes.NewHostPath, volumes.NewSandboxPath} {
		s := m.Settings
		s.Before = chain
		i, err := new(s)
		must(t, err)
		chain = append(chain, i)
	}
	m.chain = chain
	must(t, os.Chmod(filepath.Dir(m.WorkDir), 0o755), os.Chmod(filepath.Dir(filepath.Dir(m.WorkDir)), 0o755))
	p := m.container(t, "p", nil, "")
	must(t, os.Chown(p.Sandbox, 1001, 1001))
	run := func(c *isolators.Container, uid int) string {
		t.Helper()
		c.UID, c.GID = uid, uid
		must(t, os.Chown(c.Sandbox, uid, uid))
		return m.run(t, c, nil)
	}
	one := m.container(t, "p.1", p, "echo one > data/one; id -G", sandboxPath(parent, "shared", "data"))
	two := m.container(t, "p.2", p, "cat data/one; echo two >> data/one; echo two > data/two; cat data/one; id -G", sandboxPath(parent, "shared", "data"))
	if said := run(one, 1001); said != "1001\n" { // whom it belongs to
		t.Errorf("its owner said %q", said)
	}
	must(t, os.Chmod(filepath.Join(p.Sandbox, "shared/one"), 0o600))
	if said := run(two, 1002); said != "one\none\ntwo\n1002 10000\n" {
		t.Errorf("another user said %q", said)
	}
	for n, uid := range []int{1003, 1004} {
		c := m.container(t, "v"+string(rune('0'+n)), nil, "cat data/name; echo x >> data/all; id -G")
		c.Resources = []*mesospb.Resource{m.persistent(t, "v", "data")}
		c.Resources[0].Shared = &mesospb.Resource_SharedInfo{}
		if said := run(c, uid); said != "v\n"+map[int]string{1003: "1003", 1004: "1004"}[uid]+" 10001\n" {
			t.Errorf("user %d said %q", uid, said)
		}
	}
	if text, err := os.ReadFile(filepath.Join(m.WorkDir, "volumes/roles/web/v/all")); string(text) != "x\nx\n" {
		t.Errorf("in the volume is %q, %v", text, err)
	}
}

package mounts_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/mounts"
)

func TestTable(t *testing.T) {
	t.Run("a line has all its parts", func(t *testing.T) {
		table, err := mounts.Parse(strings.NewReader("19 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw,seclabel,data=ordered\n" +
			`20 19 0:18 /sub\040dir /mnt/with\011tab\134 ro,nosuid,nodev shared:2 master:7 propagate_from:2 unbindable - fuse.a\040b some\040thing ro` + "\n"))
		if err != nil || len(table) != 2 {
			t.Fatal(table, err)
		}
		root, m := table[0], table[1]
		if root.ID != 19 || root.Parent != 1 || root.Major != 8 || root.Minor != 1 || root.Root != "/" || root.Target != "/" || root.Type != "ext4" ||
			root.Source != "/dev/sda1" || root.Shared != 0 || root.Master != 0 || !root.Has("seclabel") || !root.Has("relatime") || root.Has("ro") {
			t.Errorf("%+v", root)
		}
		if m.Root != "/sub dir" || m.Target != "/mnt/with\ttab\\" || m.Shared != 2 || m.Master != 7 || m.Type != "fuse.a b" || m.Source != "some thing" || !m.Has("nodev") || m.Has("rw") {
			t.Errorf("%+v", m)
		}
	})
	t.Run("a mount comes after the one that it is on", func(t *testing.T) {
		table, err := mounts.Parse(strings.NewReader("3 2 0:1 / /a/b rw - t s rw\n4 3 0:1 / /a/b/c rw - t s rw\n2 1 0:1 / /a rw - t s rw\n1 1 0:1 / / rw - t s rw\n5 2 0:1 / /a/z rw - t s rw\n"))
		var order []int
		for _, m := range table {
			order = append(order, m.ID)
		}
		if err != nil || !slices.Equal(order, []int{1, 2, 3, 5, 4}) {
			t.Error(order, err)
		}
	})
	t.Run("a mount may be on itself", func(t *testing.T) {
		table, err := mounts.Parse(strings.NewReader("1 1 0:1 / / rw - t s rw\n4 3 0:1 / /d rw - t s rw\n3 2 0:1 / /c rw - t s rw\n8 8 0:1 / /b rw - t s rw\n9 8 0:1 / /b/c rw - t s rw\n2 1 0:1 / /a rw - t s rw\n"))
		if err != nil || len(table) != 6 {
			t.Error(table, err)
		}
		inOrder(t, table)
	})
	t.Run("what a path is on", func(t *testing.T) {
		table, err := mounts.Parse(strings.NewReader("1 0 0:1 / / rw - t s rw\n2 1 0:1 / /a rw - t s rw\n3 2 0:1 / /a rw - t s rw\n4 1 0:1 / /ab rw - t s rw\n"))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]int{"/": 1, "/x": 1, "/a": 3, "/a/b/c": 3, "/ab/c": 4, "/abc": 1} {
			if m, ok := table.Of(name); !ok || m.ID != want {
				t.Errorf("%s is on %d, want %d", name, m.ID, want)
			}
		}
		if _, ok := table.At("/a/b"); ok {
			t.Error("nothing is mounted at /a/b")
		}
		if m, ok := table.At("/a/"); !ok || m.ID != 3 {
			t.Error("at /a is", m.ID)
		}
	})
	t.Run("that of this process", func(t *testing.T) {
		table, err := mounts.Read("self")
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := table.At("/proc"); !ok || m.Type != "proc" {
			t.Errorf("at /proc is %+v", m)
		}
		if m, ok := table.Of("/"); !ok || m.Target != "/" || table[0].Target != "/" {
			t.Errorf("the root is %+v", m)
		}
	})
}

func inOrder(t *testing.T, table mounts.Table) {
	t.Helper()
	seen := map[int]bool{}
	for i, m := range table {
		if i > 0 && m.Parent != m.ID && !seen[m.Parent] && slices.ContainsFunc(table, func(o mounts.Mount) bool { return o.ID == m.Parent }) {
			t.Errorf("%d comes before %d, which it is on", m.ID, m.Parent)
		}
		if seen[m.ID] {
			t.Errorf("%d is there twice", m.ID)
		}
		seen[m.ID] = true
	}
}

// What the kernel says of mounts that spread, and of one that only takes.
func TestPropagationInTheTable(t *testing.T) {
	root(t)
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/source", 0o755), os.Mkdir(dir+"/target", 0o755), unix.Mount(dir, dir, "", unix.MS_BIND, ""))
	defer unix.Unmount(dir, unix.MNT_DETACH)
	must(t, unix.Mount("", dir, "", unix.MS_PRIVATE, ""), unix.Mount("", dir, "", unix.MS_SHARED, ""),
		unix.Mount(dir+"/source", dir+"/target", "", unix.MS_BIND, ""), unix.Mount("", dir+"/target", "", unix.MS_SLAVE, ""))
	defer unix.Unmount(dir+"/target", unix.MNT_DETACH)
	table, err := mounts.Read("self")
	must(t, err)
	inOrder(t, table)
	above, ok := table.At(dir)
	if below, there := table.At(dir + "/target"); !ok || !there || above.Shared == 0 || below.Master != above.Shared || below.Shared != 0 || below.Root != above.Root+"/source" {
		t.Errorf("%+v and %+v", above, below)
	}
	if on, _ := table.Of(dir + "/target/file"); on.Target != dir+"/target" {
		t.Errorf("a file in it is on %s", on.Target)
	}
	if on, _ := table.Of(dir + "/targetother"); on.Target != dir {
		t.Errorf("a neighbour is on %s", on.Target)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n")
	f.Add("1 1 0:1 / / rw - t s rw\n2 3 0:1 / / rw - t s rw\n3 2 0:1 / / rw - t s rw\n")
	f.Add(`1 0 0:1 / /a\04 rw shared:x - t s`)
	f.Fuzz(func(t *testing.T, text string) {
		table, err := mounts.Parse(strings.NewReader(text))
		if err != nil && len(table) > 0 {
			t.Error("a table and an error")
		}
		if len(table) > strings.Count(text, "\n")+1 {
			t.Error("more mounts than lines")
		}
		table.Of("/a/b")
	})
}

package devices

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/fault"
)

// The tests play both sides: the same binary is the process that tries.
func TestMain(m *testing.M) {
	if dir := os.Getenv("DEVICES_TEST_TRY"); dir != "" {
		in := bufio.NewReader(os.Stdin)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Println(attempt(dir, strings.TrimSpace(line)))
		}
	}
	os.Exit(m.Run())
}

// attempt does to a device what an entry says: "c 1:3 rw".
func attempt(dir, text string) error {
	e, err := Parse(text)
	if err != nil {
		return err
	}
	kind := uint32(unix.S_IFCHR)
	if e.Kind == 'b' {
		kind = unix.S_IFBLK
	}
	node := filepath.Join(dir, fmt.Sprintf("%c-%d-%d", e.Kind, e.Major, e.Minor))
	if e.Access&Mknod != 0 {
		node += "-made"
		if err := unix.Mknod(node, kind|0o600, int(unix.Mkdev(uint32(e.Major), uint32(e.Minor)))); err != nil {
			return err
		}
		return os.Remove(node)
	}
	flags := map[Access]int{Read: unix.O_RDONLY, Write: unix.O_WRONLY, Read | Write: unix.O_RDWR}[e.Access]
	fd, err := unix.Open(node, flags|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func TestEnforce(t *testing.T) {
	layout, err := hierarchy.Find()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		t.Skip("control groups take root")
	}
	if h, ok := layout.Of("devices"); ok {
		t.Run("version 1", func(t *testing.T) { enforce(t, h, "", Enforce1) })
	}
	if h, ok := layout.Unified(); ok {
		t.Run("version 2", func(t *testing.T) { enforce(t, h, "leaf", Enforce2) })
	}
}

func enforce(t *testing.T, h hierarchy.Hierarchy, leaf string, enforce func(hierarchy.Group, Policy) error) {
	group := h.Own.Below(fmt.Sprintf("meseta-devices-%d", os.Getpid()))
	if err := group.Below(leaf).Make(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := group.Destroy(context.Background()); err != nil {
			t.Error(err)
		}
	})
	dir, err := os.MkdirTemp("/dev/shm", "meseta-devices")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, n := range [][2]uint32{{1, 3}, {1, 5}, {1, 7}} {
		if err := unix.Mknod(filepath.Join(dir, fmt.Sprintf("c-%d-%d", n[0], n[1])), unix.S_IFCHR|0o666, int(unix.Mkdev(n[0], n[1]))); err != nil {
			t.Fatal(err)
		}
	}
	try := trier(t, group.Below(leaf), dir)
	if got := try("c 1:3 rw"); got != "<nil>" {
		t.Skipf("devices cannot be opened in %s: %s", dir, got)
	}
	for _, step := range []struct {
		shows       string
		allow, deny []string
		yes, no     []string
	}{
		{"nothing", nil, nil, nil, []string{"c 1:3 r", "c 1:3 m", "c 1:5 r"}},
		{"one, to read", []string{"c 1:3 r"}, nil, []string{"c 1:3 r"}, []string{"c 1:3 w", "c 1:3 rw", "c 1:3 m", "c 1:5 r"}},
		{"any node may be made", []string{"c *:* m", "c 1:5 rw"}, nil, []string{"c 1:3 m", "c 1:5 rw"}, []string{"c 1:3 r", "b 7:0 m"}},
		{"all of a major but one", []string{"c 1:* rw"}, []string{"c 1:5 w"}, []string{"c 1:3 rw", "c 1:7 rw"}, []string{"c 1:5 w", "c 1:5 rw", "c 1:3 m"}},
		{"everything", []string{"a"}, nil, []string{"c 1:3 rw", "c 1:5 rw", "c 1:3 m", "b 7:0 m"}, nil},
	} {
		p, err := New(entries(t, step.allow...), entries(t, step.deny...))
		if err != nil {
			t.Fatal(err)
		}
		err = enforce(group, p)
		if leaf == "" && len(step.deny) > 0 {
			if !errors.Is(err, fault.ErrUnsupported) {
				t.Errorf("version 1 cannot do that: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", step.shows, err)
		}
		for _, text := range step.yes {
			if got := try(text); got != "<nil>" {
				t.Errorf("%s: %s: %s", step.shows, text, got)
			}
		}
		for _, text := range step.no {
			if got := try(text); got != unix.EPERM.Error() {
				t.Errorf("%s: %s: %s", step.shows, text, got)
			}
		}
	}
}

// trier is a process in a group that tries what it is told.
func trier(t *testing.T, group hierarchy.Group, dir string) func(string) string {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env = []string{"DEVICES_TEST_TRY=" + dir}
	in, _ := c.StdinPipe()
	out, _ := c.StdoutPipe()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); c.Wait() })
	if err := group.Join(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(out)
	return func(text string) string {
		io.WriteString(in, text+"\n")
		line, err := answers.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(line)
	}
}

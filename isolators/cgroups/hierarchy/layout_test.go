package hierarchy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
)

const (
	v1Mounts = `25 31 0:23 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
32 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 25 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 25 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/lib/systemd/x,name=systemd
`
	unifiedMount = "41 25 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
	v2Mount      = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev - cgroup2 cgroup2 rw,nsdelegate\n"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		shows, mounts, cgroup, mode string
		want                        []string // controllers at directory
	}{
		{"version 1 with controllers together", v1Mounts, "4:memory:/agents/one\n2:cpu,cpuacct:/\n1:name=systemd:/user.slice\n", "version 1",
			[]string{"memory at /sys/fs/cgroup/memory/agents/one", "cpu,cpuacct at /sys/fs/cgroup/cpu,cpuacct", "name=systemd at /sys/fs/cgroup/systemd/user.slice"}},
		{"version 2", v2Mount, "0::/system.slice/agent.service\n", "version 2", []string{" at /sys/fs/cgroup/system.slice/agent.service"}},
		{"both", v1Mounts + unifiedMount, "4:memory:/\n0::/a:b\n", "hybrid (versions 1 and 2)",
			[]string{"memory at /sys/fs/cgroup/memory", " at /sys/fs/cgroup/unified/a:b"}},
		{"in a container that sees a part", "30 23 0:26 /docker/77 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/docker/77/inner\n", "version 2",
			[]string{" at /sys/fs/cgroup/inner"}},
		{"outside of what it sees", "30 23 0:26 /docker/77 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/docker/777\n", "none", nil},
		{"outside of its namespace", v2Mount, "0::/../elsewhere\n", "none", nil},
		{"mounted twice, of which one shows it", "30 23 0:26 /other /mnt rw - cgroup2 cgroup2 rw\n" + v2Mount, "0::/here\n", "version 2", []string{" at /sys/fs/cgroup/here"}},
		{"a name with a blank", `30 23 0:26 / /sys/fs/my\040groups\134 rw - cgroup2 cgroup2 rw` + "\n", "0::/\n", "version 2", []string{` at /sys/fs/my groups\`}},
		{"a controller that is not mounted", v1Mounts, "9:pids:/\n", "none", nil},
		{"another file system of that name", "30 23 0:26 / /x rw - ext4 cgroup2 rw\n", "0::/\n", "none", nil},
		{"nothing", "", "", "none", nil},
	} {
		layout, err := Parse(c.mounts, c.cgroup)
		if err != nil {
			t.Errorf("%s: %v", c.shows, err)
		}
		var got []string
		for _, h := range layout {
			got = append(got, strings.Join(h.Controllers, ",")+" at "+string(h.Own))
		}
		if !slices.Equal(got, c.want) || layout.Mode() != c.mode {
			t.Errorf("%s: %q, %s", c.shows, got, layout.Mode())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range [][2]string{
		{"30 / - cgroup2 cgroup2 rw\n", ""}, {"30 23 0:26 / /sys rw - cgroup2\n", ""}, {v2Mount, "0:/x\n"}, {v2Mount, "nonsense\n"}, {v2Mount, "0::relative\n"},
	} {
		if layout, err := Parse(c[0], c[1]); !errors.Is(err, fault.ErrUnsupported) {
			t.Errorf("%q, %q: %v, %v", c[0], c[1], layout, err)
		}
	}
}

func TestOf(t *testing.T) {
	layout, err := Parse(v1Mounts+unifiedMount, "4:memory:/\n2:cpu,cpuacct:/\n0::/\n")
	if err != nil {
		t.Fatal(err)
	}
	for i := range layout {
		if layout[i].Unified {
			layout[i].Controllers = []string{"io", "hugetlb"}
		}
	}
	for name, want := range map[string]string{
		"memory": "/sys/fs/cgroup/memory", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct", "hugetlb": "/sys/fs/cgroup/unified", "blkio": "/sys/fs/cgroup/unified",
		"pids": "", "systemd": "",
	} {
		h, ok := layout.Of(name)
		if string(h.Own) != want || ok != (want != "") {
			t.Errorf("%s is in %q", name, h.Own)
		}
	}
}

// FuzzParse reads whatever a machine might say of itself: no text makes it fall, and no group is outside of its mount.
func FuzzParse(f *testing.F) {
	f.Add(v1Mounts+unifiedMount, "4:memory:/agents/one\n0::/x\n")
	f.Add(v2Mount, "0::/../x\n")
	f.Add(`30 23 0:26 /a\040b /sys/\777 rw - cgroup2 cgroup2 rw`, "0::/a b/c")
	f.Fuzz(func(t *testing.T, mountinfo, cgroup string) {
		layout, err := Parse(mountinfo, cgroup)
		if err != nil {
			return
		}
		shown, err := mounts(mountinfo)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range layout {
			if !slices.ContainsFunc(shown, func(m mount) bool { return strings.HasPrefix(string(h.Own)+"/", strings.TrimSuffix(m.point, "/")+"/") }) {
				t.Errorf("%s is below no mount", h.Own)
			}
			for name := range strings.SplitSeq(string(h.Own), "/") {
				if name == ".." && !strings.Contains(mountinfo, "..") {
					t.Errorf("%s leads out", h.Own)
				}
			}
		}
		_ = fmt.Sprint(layout.Mode())
	})
}

func FuzzNumber(f *testing.F) {
	f.Add([]byte("4096\n"))
	f.Add([]byte("max\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := Number(text)
		if err != nil {
			return
		}
		if again, err := Number([]byte(fmt.Sprint(n))); err != nil || again != n {
			t.Errorf("%q is %d, which is read as %d, %v", text, n, again, err)
		}
	})
}

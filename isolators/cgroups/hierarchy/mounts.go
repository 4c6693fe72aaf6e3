package hierarchy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// A mount is one line of /proc/self/mountinfo that shows control groups.
type mount struct {
	root    string   // of the hierarchy, which is what is seen at point
	point   string   // directory
	unified bool     // version 2
	options []string // of the hierarchy: names of controllers, name=…
}

// mounts reads /proc/self/mountinfo (proc(5)) and keeps what shows control groups. Other lines are not even looked at
// closely: any name may be in them.
func mounts(mountinfo string) ([]mount, error) {
	var found []mount
	for line := range strings.Lines(mountinfo) {
		front, back, ok := strings.Cut(line, " - ")
		kind := strings.Fields(back)
		if !ok || len(kind) == 0 || kind[0] != "cgroup" && kind[0] != "cgroup2" {
			continue
		}
		// 38 31 0:35 / /sys/fs/cgroup/blkio rw,relatime shared:9 - cgroup cgroup rw,blkio
		fields := strings.Fields(front)
		if len(fields) < 6 || len(kind) < 3 {
			return nil, fmt.Errorf("/proc/self/mountinfo: cannot read %q: %w", strings.TrimSpace(line), fault.ErrUnsupported)
		}
		found = append(found, mount{
			root: unescape(fields[3]), point: unescape(fields[4]),
			unified: kind[0] == "cgroup2", options: strings.Split(kind[2], ","),
		})
	}
	return found, nil
}

// unescape undoes what mountinfo does to blanks, tabs, line ends and backslashes in names: \040 and the like.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && octal(s[i+1]) && s[i+1] < '4' && octal(s[i+2]) && octal(s[i+3]) {
			b.WriteByte(s[i+1]<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func octal(c byte) bool { return '0' <= c && c <= '7' }

// A membership is one line of /proc/self/cgroup: the group that a process is in, in one hierarchy.
type membership struct {
	controllers []string // or one "name=…"; empty for version 2
	path        string
}

func (m membership) unified() bool { return len(m.controllers) == 0 }

// memberships reads /proc/<pid>/cgroup (cgroups(7)).
func memberships(text string) ([]membership, error) {
	var found []membership
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		fields := strings.SplitN(line, ":", 3) // a path may have colons of its own
		if len(fields) != 3 || !strings.HasPrefix(fields[2], "/") {
			return nil, fmt.Errorf("/proc/self/cgroup: cannot read %q: %w", line, fault.ErrUnsupported)
		}
		m := membership{path: fields[2]}
		if fields[1] != "" {
			m.controllers = strings.Split(fields[1], ",")
		}
		found = append(found, m)
	}
	return found, nil
}

// shows tells whether a mount is of the hierarchy that m is about.
func (mo mount) shows(m membership) bool {
	if m.unified() || mo.unified {
		return m.unified() == mo.unified
	}
	return slices.Contains(mo.options, m.controllers[0])
}

// below is path as seen at the mount, and false where the mount does not show it: it shows another part of the hierarchy, or
// the group is outside of the cgroup namespace.
func (mo mount) below(path string) (string, bool) {
	if slices.Contains(strings.Split(path, "/"), "..") {
		return "", false
	}
	if mo.root == "/" {
		return strings.TrimSuffix(mo.point+path, "/"), true
	}
	rest, ok := strings.CutPrefix(path, mo.root)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return mo.point + rest, true
}

package accounting

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/accounting/bpf"
	"github.com/meseta-io/meseta/messages/fault"
)

// groupID is the number by which programs know a control group: that of its directory.
func groupID(dir string) (uint64, error) {
	var s unix.Stat_t
	if err := unix.Stat(dir, &s); err != nil {
		return 0, fmt.Errorf("the control group %s: %w", dir, err)
	}
	return s.Ino, nil
}

// homeOf is the part of a group's path that ends with the container's name: its group, which may have others in it where processes are.
func homeOf(c *isolators.Container, cgroup string) (string, error) {
	name := c.ID[strings.LastIndexByte(c.ID, '.')+1:]
	for dir := filepath.Clean(cgroup); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		if filepath.Base(dir) == name {
			return dir, nil
		}
	}
	return "", fmt.Errorf("the control group %s is not named after container %s: %w", cgroup, c.ID, fault.ErrUnsupported)
}

// rootOf is the group in which those of all containers at the top are.
func rootOf(c *isolators.Container, cgroup string) (string, error) {
	home, err := homeOf(c, cgroup)
	return filepath.Dir(home), err
}

// mounted finds a hierarchy: the unified one ("") or the one of a controller. root is which group is at the mount point.
func mounted(controller string) (at, root string, err error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		b, a := strings.Fields(before), strings.Fields(after)
		if !ok || len(b) < 5 || len(a) < 3 {
			continue
		}
		fits := a[0] == "cgroup2" && controller == "" ||
			a[0] == "cgroup" && controller != "" && slices.Contains(strings.Split(a[2], ","), controller)
		if fits {
			return unescape(b[4]), unescape(b[3]), nil
		}
	}
	return "", "", nil
}

func unifiedMount() (string, error) {
	at, _, err := mounted("")
	return at, err
}

// unescape reads the \040 of the kernel's lists.
func unescape(path string) string {
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if n, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		out.WriteByte(path[i])
	}
	return out.String()
}

// groupOf is in which group of a hierarchy a process is ("self" or a number), and the hierarchy's number. The unified one has the
// controller "".
func groupOf(process, controller string) (path string, hierarchy uint64, err error) {
	text, err := os.ReadFile("/proc/" + process + "/cgroup")
	if err != nil {
		return "", 0, err
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) == 3 && slices.Contains(strings.Split(parts[1], ","), controller) {
			n, err := strconv.ParseUint(parts[0], 10, 32)
			return parts[2], n, err
		}
	}
	return "", 0, nil
}

// blockGroup is the group of a process in the hierarchy that block devices have to themselves. ok is false if they have none, or if
// it is the agent's own group, in which others are too.
func blockGroup(pid int) (g bpf.AccountingOldGroup, ok bool, err error) {
	path, hierarchy, err := groupOf(strconv.Itoa(pid), "blkio")
	if err != nil || hierarchy == 0 {
		return g, false, err
	}
	own, _, err := groupOf("self", "blkio")
	if err != nil || path == own || path == "/" {
		return g, false, err
	}
	at, root, err := mounted("blkio")
	if err != nil || at == "" {
		return g, false, err
	}
	below, err := filepath.Rel(root, path)
	if err != nil {
		return g, false, err
	}
	id, err := groupID(filepath.Join(at, below))
	return bpf.AccountingOldGroup{Id: id, Hierarchy: hierarchy}, err == nil, err
}

// levelOf is how deep a group is in the whole hierarchy, of which a cgroup namespace may show a part only. The program own tells at
// which level this process is, and paths the distance.
func levelOf(dir string, own *ebpf.Program) (uint32, error) {
	mount, root, err := mounted("")
	if err != nil {
		return 0, err
	}
	depth := func(path string) int {
		return len(strings.FieldsFunc(filepath.Clean(path), func(r rune) bool { return r == '/' }))
	}
	below, err := filepath.Rel(mount, dir)
	if err != nil {
		return 0, err
	}
	at := depth(root) + depth(below)
	group, _, err := groupOf("self", "")
	if own != nil && err == nil && !strings.Contains(group, "..") {
		if is, err := own.Run(&ebpf.RunOptions{}); err == nil {
			at += int(is) - depth(group)
		}
	}
	return uint32(at), nil
}

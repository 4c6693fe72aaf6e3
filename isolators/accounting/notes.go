package accounting

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/meseta-io/meseta/isolators"
)

// Each isolator keeps a note in a container's State: the id of its group, and its path.
const (
	accountingNote = "ebpf-accounting"
	portsNote      = "ebpf-ports"
)

func rememberAs(c *isolators.Container, name string, group uint64, cgroup string) error {
	if err := os.WriteFile(filepath.Join(c.State, name), fmt.Appendf(nil, "%d %s", group, cgroup), 0o600); err != nil {
		return fmt.Errorf("note the control group of container %s: %w", c.ID, err)
	}
	return nil
}

func rememberedAs(c *isolators.Container, name string) (group uint64, cgroup string, ok bool) {
	text, err := os.ReadFile(filepath.Join(c.State, name))
	if err != nil {
		return 0, "", false
	}
	_, err = fmt.Sscanf(string(text), "%d", &group)
	_, cgroup, _ = strings.Cut(string(text), " ")
	return group, cgroup, err == nil && cgroup != ""
}

func forgetAs(c *isolators.Container, name string) error {
	if c.State == "" {
		return nil
	}
	return ignore(os.Remove(filepath.Join(c.State, name)), fs.ErrNotExist)
}

package seccomp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	moby "github.com/moby/profiles/seccomp"
	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/capabilities"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// DefaultName is that of the built-in profile.
const DefaultName = "default"

// Isolator implements isolators.Isolator.
type Isolator struct {
	isolators.Nothing
	dir    string
	kernel Kernel
	own    capabilities.Set
	// otherwise is the profile of containers that name none; nil: they are not filtered.
	otherwise     *string
	otherwiseName string

	mu    sync.Mutex
	known map[known]code
}

// known is what a filter was made of.
type known struct {
	text string
	caps uint64
}

// remembered is how many filters are kept: to make one takes longer than to start a container.
const remembered = 64

// Builder makes it.
var Builder = isolators.Builder{Names: []string{"linux/seccomp"}, New: New}

// New is the builder's.
func New(s isolators.Settings) (isolators.Isolator, error) {
	if !s.Root {
		return nil, fmt.Errorf("Linux Seccomp isolator requires root permissions: run the agent as root, or leave linux/seccomp out: %w", fault.ErrInvalid)
	}
	if err := supported(); err != nil {
		return nil, err
	}
	if s.SeccompConfigDir == "" && s.SeccompProfileName != DefaultName {
		return nil, fmt.Errorf("Missing required `--seccomp_config_dir` flag: give the directory of profiles, or use the built-in one with --seccomp_profile_name=%s: %w", DefaultName, fault.ErrInvalid)
	}
	i := &Isolator{dir: s.SeccompConfigDir, known: map[known]code{}}
	var err error
	if i.kernel, err = Running(); err != nil {
		return nil, err
	}
	if i.own, err = capabilities.Own(); err != nil {
		return nil, err
	}
	if s.SeccompProfileName == "" {
		return i, nil
	}
	text, err := i.load(s.SeccompProfileName)
	if err == nil {
		_, err = i.filter(s.SeccompProfileName, text, uint64(i.own))
	}
	i.otherwise, i.otherwiseName = &text, s.SeccompProfileName
	return i, err
}

// supported asks for a filter that is nowhere: a kernel that has filters cannot read it, one without knows no such thing.
func supported() error {
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, 0, 0, 0); !errors.Is(err, unix.EFAULT) {
		return fmt.Errorf("Seccomp is not supported by the kernel (%w): use one with CONFIG_SECCOMP_FILTER, or leave linux/seccomp out: %w", err, fault.ErrInvalid)
	}
	_, err := Native()
	return err
}

// Name implements isolators.Isolator.
func (*Isolator) Name() string { return "linux/seccomp" }

// Prepare implements isolators.Isolator. It comes after whoever decides about capabilities, because some rules of a profile
// hold for containers that have some.
func (i *Isolator) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	name, text, err := i.profile(c.Info.GetLinuxInfo().GetSeccomp())
	if err != nil || text == nil {
		return err
	}
	caps := uint64(i.own)
	if plan.Capabilities != nil {
		caps = plan.Capabilities.Bounding
	}
	plan.Seccomp, err = i.filter(name, *text, caps)
	return err
}

// profile that a container asks for, or gets; nil: it is not filtered.
func (i *Isolator) profile(asked *mesospb.SeccompInfo) (name string, text *string, err error) {
	switch {
	case asked == nil:
		return i.otherwiseName, i.otherwise, nil
	case asked.GetUnconfined() && asked.ProfileName != nil:
		return "", nil, fmt.Errorf("Invalid Seccomp configuration: 'profile_name' given even though 'unconfined' Seccomp setting is enabled: leave one out: %w", fault.ErrInvalid)
	case asked.GetUnconfined():
		return "", nil, nil
	case asked.ProfileName == nil:
		return "", nil, fmt.Errorf("Missing Seccomp profile name: say profile_name, or unconfined: %w", fault.ErrInvalid)
	}
	read, err := i.load(asked.GetProfileName())
	return asked.GetProfileName(), &read, err
}

// filter of a profile for a container with these capabilities.
func (i *Isolator) filter(name, text string, caps uint64) (code, error) {
	key := known{text, caps}
	i.mu.Lock()
	defer i.mu.Unlock()
	if f, ok := i.known[key]; ok {
		return f, nil
	}
	p, err := Parse([]byte(text))
	var f code
	if err == nil {
		f, err = Compile(p, For{Caps: caps, Kernel: i.kernel})
	}
	if err != nil {
		return nil, fmt.Errorf("Failed to parse Seccomp profile '%s': %w", filepath.Join(i.dir, name), err)
	}
	if len(i.known) >= remembered {
		clear(i.known)
	}
	i.known[key] = f
	return f, nil
}

// load a profile by its name, which may come from a stranger: no name and no link leads out of the directory.
func (i *Isolator) load(name string) (string, error) {
	text, err := i.read(name)
	if errors.Is(err, fs.ErrNotExist) && name == DefaultName {
		text, err = json.Marshal(moby.DefaultProfile())
	}
	if err != nil {
		return "", fmt.Errorf("Failed to read Seccomp profile file '%s': %w: put it into --seccomp_config_dir: %w", filepath.Join(i.dir, name), err, fault.ErrInvalid)
	}
	return string(text), nil
}

func (i *Isolator) read(name string) ([]byte, error) {
	if i.dir == "" {
		return nil, fs.ErrNotExist
	}
	f, err := os.OpenInRoot(i.dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

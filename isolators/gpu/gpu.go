package gpu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/isolators/mounts"
	"github.com/meseta-io/meseta/isolators/namespaces"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/resources"
)

// Nvidia is gpu/nvidia. Cards belong to outermost containers; those inside use what theirs has.
type Nvidia struct {
	isolators.Nothing
	control []isolators.Device
	nodes   map[int]isolators.Device // of cards, by their minors
	pool    *pool
	guard   isolators.Granter
}

// New is the builder's, for a machine.
func New(m Machine) func(isolators.Settings) (isolators.Isolator, error) {
	return func(s isolators.Settings) (isolators.Isolator, error) { return m.nvidia(s) }
}

func (m Machine) nvidia(s isolators.Settings) (isolators.Isolator, error) {
	if err := s.Supports("mnt", "gpu/nvidia"); err != nil {
		return nil, err
	}
	n := &Nvidia{nodes: map[int]isolators.Device{}}
	for _, i := range s.Before {
		if g, ok := i.(isolators.Granter); ok {
			n.guard = g
		}
	}
	if n.guard == nil {
		return nil, fmt.Errorf("The 'cgroups/devices' or 'cgroups/all' isolator must be enabled in order to use the 'gpu/nvidia' isolator: add it to --isolation: %w", fault.ErrInvalid)
	}
	if !s.Uses("filesystem/linux") {
		return nil, fmt.Errorf("The 'filesystem/linux' isolator must be enabled in order to use the 'gpu/nvidia' isolator: add it to --isolation: %w", fault.ErrInvalid)
	}
	var err error
	if n.control, err = m.control(); err != nil {
		return nil, err
	}
	all, err := m.Minors()
	if err != nil {
		return nil, err
	}
	given := all
	if s.NvidiaGPUDevices != nil {
		given = nil
		for _, index := range s.NvidiaGPUDevices {
			if index < 0 || index >= len(all) {
				return nil, fmt.Errorf("--nvidia_gpu_devices: there is no card %d among %d: %w", index, len(all), fault.ErrInvalid)
			}
			given = append(given, all[index])
		}
	}
	for _, minor := range given {
		if n.nodes[minor], err = m.node("nvidia" + strconv.Itoa(minor)); err != nil {
			return nil, err
		}
	}
	n.pool = newPool(given)
	return n, nil
}

// Name implements isolators.Isolator.
func (*Nvidia) Name() string { return "gpu/nvidia" }

// state is what is written down of a container: the minors of its cards, and whether it may use them already.
type state struct {
	Cards   []int
	Granted bool
}

func saved(c *isolators.Container) string { return filepath.Join(c.State, "gpu-nvidia") }

func (s state) write(c *isolators.Container) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(saved(c), text, 0o600)
}

func read(c *isolators.Container) (s state, err error) {
	text, err := os.ReadFile(saved(c))
	if errors.Is(err, fs.ErrNotExist) {
		return state{Granted: true}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}

// amount is how many cards a container has resources for.
func amount(c *isolators.Container) (int, error) {
	gpus := resources.FromValid(c.Resources).GPUs()
	if gpus%1000 != 0 || gpus < 0 {
		return 0, fmt.Errorf("The 'gpus' resource must be an unsigned integer: %w", fault.ErrInvalid)
	}
	return int(gpus / 1000), nil
}

// Prepare implements isolators.Isolator.
func (n *Nvidia) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	if c.Debug {
		return nil // it sees what its parent sees, in its parent's groups
	}
	s, err := read(c.Top())
	if err == nil && !c.Nested() {
		var want int
		if want, err = amount(c); err == nil {
			s.Cards, err = n.pool.set(c.ID, want)
		}
		if err == nil {
			err = state{s.Cards, true}.write(c)
		}
	}
	if err != nil {
		return err
	}
	if plan.RootFS != "" {
		plan.Devices = append(plan.Devices, n.granted(s.Cards)...)
	} else {
		plan.Grants = append(plan.Grants, n.granted(s.Cards)...)
	}
	return nil
}

// granted are the devices that somebody with cards may use.
func (n *Nvidia) granted(cards []int) []isolators.Device {
	all := n.control[:len(n.control):len(n.control)]
	for _, minor := range cards {
		if d, ok := n.nodes[minor]; ok {
			all = append(all, d)
		}
	}
	return all
}

// Update implements isolators.Isolator. What is taken away cannot be used any more before anybody else can have it, and what
// is given is written down before it can be used.
func (n *Nvidia) Update(_ context.Context, c *isolators.Container) error {
	if c.Nested() {
		return nil
	}
	was, err := read(c)
	if err != nil {
		return err
	}
	want, err := amount(c)
	if err != nil || want == len(was.Cards) && was.Granted {
		return err
	}
	if want < len(was.Cards) {
		was.Cards = was.Cards[:want]
		if err := n.guard.Grant(c, n.granted(was.Cards)); err != nil {
			return err
		}
	}
	cards, err := n.pool.set(c.ID, want)
	if err != nil {
		return err
	}
	if err := (state{cards, false}).write(c); err != nil {
		return err
	}
	if len(cards) > len(was.Cards) || !was.Granted {
		if err := n.show(c, cards); err != nil {
			return err
		}
		if err := n.guard.Grant(c, n.granted(cards)); err != nil {
			return err
		}
	}
	return state{cards, true}.write(c)
}

// show makes the nodes of cards in a container that was launched without them.
func (n *Nvidia) show(c *isolators.Container, cards []int) error {
	ns, agents, err := namespaces.Of(c, unix.CLONE_NEWNS)
	if err != nil || agents {
		return nil // it has just ended
	}
	err = mounts.Inside(ns, func() error {
		dev, err := beneath.Open("/", "dev")
		if err != nil {
			return err
		}
		defer dev.Close()
		for _, d := range n.granted(cards) {
			err := unix.Mknodat(int(dev.Fd()), strings.TrimPrefix(d.Path, "/dev/"), unix.S_IFCHR|d.Mode, int(unix.Mkdev(d.Major, d.Minor)))
			if err != nil && !errors.Is(err, unix.EEXIST) {
				return fmt.Errorf("make %s: %w", d.Path, err)
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Cleanup implements isolators.Isolator.
func (n *Nvidia) Cleanup(_ context.Context, c *isolators.Container) error {
	_, err := n.pool.set(c.ID, 0)
	return err
}

// Recover implements isolators.Isolator.
func (n *Nvidia) Recover(_ context.Context, alive []*isolators.Container) error {
	for _, c := range alive {
		if c.Nested() {
			continue
		}
		s, err := read(c)
		if err == nil {
			err = n.pool.claim(c.ID, s.Cards)
		}
		if err != nil {
			return fmt.Errorf("the cards of container %s: %w", c.ID, err)
		}
	}
	return nil
}

package accounting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/accounting/bpf"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// PortsName is the isolator's in --isolation.
const PortsName = "ebpf/ports"

// PortsBuilder is its row in the table of all isolators.
var PortsBuilder = isolators.Builder{Names: []string{PortsName}, New: func(s isolators.Settings) (isolators.Isolator, error) { return NewPorts(s) }}

// Ports is the isolator ebpf/ports: in the machine's network namespace a container binds to ports that it was given, TCP and UDP, and to
// no other: bind fails with EPERM. Where a process leaves the choice to the kernel (port 0, or no bind at all), any that the kernel chooses
// is right: it takes them from net.ipv4.ip_local_port_range, in which an operator offers none. What a container nests has its
// ports. In a network namespace of its own a container binds to what it likes.
type Ports struct {
	isolators.Nothing
	log *slog.Logger

	programs *programs         // whose mu guards the rest
	byID     map[string]uint64 // groups of containers
}

// NewPorts loads the programs, or says in class fault.ErrInvalid what is missing.
func NewPorts(s isolators.Settings) (*Ports, error) {
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := possible(s.Root); err != nil {
		return nil, err
	}
	p, err := open(bpf.Ports, pinsOf(s.RuntimeDir, bpf.Ports.Name, bpf.Ports.Version), log)
	if err == nil {
		for _, why := range p.missing { // half a wall is none
			err = why
		}
	}
	if err != nil {
		return nil, refused(err)
	}
	return &Ports{log: log, programs: p, byID: map[string]uint64{}}, nil
}

// Name implements isolators.Isolator.
func (*Ports) Name() string { return PortsName }

// Prepare sets up the wall before there is a process.
func (p *Ports) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	if c.Nested() {
		return nil // its parent's is around it
	}
	if plan.Cgroup == "" {
		return fmt.Errorf("there is no control group of the unified hierarchy to tell its processes by; mount one: %w", fault.ErrUnsupported)
	}
	p.programs.mu.Lock()
	defer p.programs.mu.Unlock()
	home, err := homeOf(c, plan.Cgroup) // and not where its own processes are: those of nested containers are beside that
	if err != nil {
		return err
	}
	group, err := groupID(home)
	if err != nil {
		return err
	}
	if err := rememberAs(c, portsNote, group, home); err != nil {
		return err
	}
	return p.wall(c, group, home)
}

func (p *Ports) wall(c *isolators.Container, group uint64, home string) error {
	if err := p.at(filepath.Dir(home)); err != nil {
		return err
	}
	if err := p.allow(c, group); err != nil {
		return err
	}
	p.byID[c.ID] = group
	if err := p.programs.pin(); err != nil {
		return fmt.Errorf("its ports would be open while the agent is restarted: %w", err)
	}
	return nil
}

func (p *Ports) at(root string) error {
	if p.programs.root == root {
		return nil
	}
	if p.programs.root != "" {
		return fmt.Errorf("its group is in %s and those of others are in %s: %w", root, p.programs.root, fault.ErrUnsupported)
	}
	level, err := levelOf(root, p.programs.progs["own_level"])
	if err != nil {
		return err
	}
	netns, err := networkCookie()
	if err != nil {
		return err
	}
	if err := p.programs.maps["places"].Put(uint32(0), bpf.PortsPlace{Netns: netns, Level: level + 1}); err != nil {
		return fmt.Errorf("tell the programs where containers are: %w", err)
	}
	if err := p.programs.attach(root); err != nil {
		return errors.Join(err, p.programs.detach()) // half a wall is none
	}
	return nil
}

// networkCookie is the kernel's name of the agent's network namespace.
func networkCookie() (uint64, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("the agent's network namespace: %w", err)
	}
	defer unix.Close(fd)
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return 0, fmt.Errorf("the agent's network namespace: %w", err)
	}
	return cookie, nil
}

// allow replaces what a container may bind to, at once.
func (p *Ports) allow(c *isolators.Container, group uint64) error {
	allowed, err := portsOf(c.Resources)
	if err != nil {
		return err
	}
	if err := patiently(func() error { return p.programs.maps["allowances"].Put(group, allowed) }); err != nil {
		return fmt.Errorf("tell the kernel its ports: %w", err)
	}
	return nil
}

// portsOf are the bits of all ports in resources.
func portsOf(list []*mesospb.Resource) (a bpf.PortsAllowed, err error) {
	for _, r := range list {
		if r.GetName() != "ports" {
			continue
		}
		for _, span := range r.GetRanges().GetRange() {
			if span.GetEnd() > 65535 || span.GetBegin() > span.GetEnd() {
				return a, fmt.Errorf("there are no ports %d-%d: 0-65535 are all: %w", span.GetBegin(), span.GetEnd(), fault.ErrInvalid)
			}
			for n := span.GetBegin(); n <= span.GetEnd(); n++ {
				a.Ports[n>>6] |= 1 << (n & 63)
			}
		}
	}
	return a, nil
}

// Update opens ports of tasks that came and closes those of tasks that went. What is bound already stays so.
func (p *Ports) Update(_ context.Context, c *isolators.Container) error {
	p.programs.mu.Lock()
	defer p.programs.mu.Unlock()
	group, ok := p.byID[c.ID]
	if !ok {
		return nil
	}
	return p.allow(c, group)
}

// Cleanup implements isolators.Isolator.
func (p *Ports) Cleanup(_ context.Context, c *isolators.Container) error {
	p.programs.mu.Lock()
	defer p.programs.mu.Unlock()
	group, ok := p.byID[c.ID]
	if !ok {
		group, _, ok = rememberedAs(c, portsNote)
	}
	var err error
	if ok {
		err = ignore(p.programs.maps["allowances"].Delete(group), ebpf.ErrKeyNotExist)
	}
	delete(p.byID, c.ID)
	err = errors.Join(err, forgetAs(c, portsNote))
	if len(p.byID) == 0 {
		err = errors.Join(err, p.programs.detach(), empty(p.programs.maps["allowances"]))
	}
	return err
}

// Recover implements isolators.Isolator.
func (p *Ports) Recover(_ context.Context, alive []*isolators.Container) error {
	p.programs.mu.Lock()
	defer p.programs.mu.Unlock()
	var errs []error
	for _, c := range slices.DeleteFunc(slices.Clone(alive), (*isolators.Container).Nested) {
		if group, home, ok := rememberedAs(c, portsNote); ok {
			errs = append(errs, p.wall(c, group, home))
		}
	}
	if len(p.byID) == 0 {
		errs = append(errs, p.programs.detach(), empty(p.programs.maps["allowances"]))
	}
	return errors.Join(errs...)
}

package capabilities_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/capabilities"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

type cap = mesospb.CapabilityInfo_Capability

const (
	chown   = mesospb.CapabilityInfo_CHOWN
	netRaw  = mesospb.CapabilityInfo_NET_RAW
	netBind = mesospb.CapabilityInfo_NET_BIND_SERVICE
)

// caps is the message with these capabilities; with none the empty one, which is not the same as nil.
func caps(list ...cap) *mesospb.CapabilityInfo {
	return &mesospb.CapabilityInfo{Capabilities: list}
}

func bit(list ...cap) (bits uint64) {
	for _, c := range list {
		bits |= 1 << (c - mesospb.CapabilityInfo_CHOWN)
	}
	return bits
}

func own(t *testing.T) uint64 {
	t.Helper()
	s, err := capabilities.Own()
	if err != nil {
		t.Fatal(err)
	}
	return uint64(s)
}

// What the task asks for, what the operator gives, and what comes of it: Mesos' decisions.
func TestPrepare(t *testing.T) {
	if _, err := capabilities.New(isolators.Settings{}); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "requires root") {
		t.Errorf("without root: %v", err)
	}
	for _, c := range []struct {
		shows                                       string
		effective, bounding, operator, operatorsMax *mesospb.CapabilityInfo
		wantEffective, wantBounding                 uint64
		refused                                     string
	}{
		{shows: "nothing said, nothing changed"},
		{shows: "what the task asks for is also its bound", effective: caps(chown), wantEffective: bit(chown), wantBounding: bit(chown)},
		{shows: "an empty list drops all", effective: caps(), wantEffective: 0, wantBounding: 0},
		{shows: "an empty list of the operator drops all", operator: caps()},
		{shows: "the operator's set holds for who says nothing", operator: caps(netRaw), wantEffective: bit(netRaw), wantBounding: bit(netRaw)},
		{shows: "the task's own wins", effective: caps(chown), operator: caps(netRaw), wantEffective: bit(chown), wantBounding: bit(chown)},
		{shows: "the operator bounds", effective: caps(chown), operatorsMax: caps(chown, netRaw), wantEffective: bit(chown), wantBounding: bit(chown, netRaw)},
		{shows: "the task bounds itself", bounding: caps(chown), operatorsMax: caps(chown, netRaw), wantEffective: bit(chown), wantBounding: bit(chown)},
		{shows: "only a bound", operatorsMax: caps(chown), wantEffective: bit(chown), wantBounding: bit(chown)},
		{shows: "beyond its own bound", effective: caps(netRaw), bounding: caps(chown), refused: "Requested capabilities '{ NET_RAW }', but only '{ CHOWN }' are allowed"},
		{shows: "beyond the operator's bound", effective: caps(netRaw, chown), operatorsMax: caps(chown), refused: "Requested capabilities '{ CHOWN, NET_RAW }', but only '{ CHOWN }' are allowed"},
		{shows: "a bound beyond the operator's", bounding: caps(netRaw), operatorsMax: caps(chown), refused: "Bounding capabilities '{ NET_RAW }', but only '{ CHOWN }' are allowed"},
		{shows: "the operator's set beyond the task's bound", bounding: caps(chown), operator: caps(netRaw), refused: "Requested capabilities '{ NET_RAW }'"},
		{shows: "none that there is", effective: caps(mesospb.CapabilityInfo_UNKNOWN), refused: "capability UNKNOWN"},
		{shows: "none that this kernel has", effective: caps(1063), refused: "capability 1063"},
	} {
		t.Run(c.shows, func(t *testing.T) {
			i, err := capabilities.New(isolators.Settings{Root: true, EffectiveCapabilities: c.operator, BoundingCapabilities: c.operatorsMax})
			if err != nil {
				t.Fatal(err)
			}
			plan := &isolators.Plan{}
			box := &isolators.Container{Info: &mesospb.ContainerInfo{LinuxInfo: &mesospb.LinuxInfo{EffectiveCapabilities: c.effective, BoundingCapabilities: c.bounding}}}
			err = i.Prepare(context.Background(), box, plan)
			switch {
			case c.refused != "":
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("%v, want %s", err, c.refused)
				}
			case err != nil:
				t.Error(err)
			case c.effective == nil && c.bounding == nil && c.operator == nil && c.operatorsMax == nil:
				if plan.Capabilities != nil {
					t.Errorf("%+v", plan.Capabilities)
				}
			case plan.Capabilities == nil || plan.Capabilities.Effective != c.wantEffective || plan.Capabilities.Bounding != c.wantBounding&own(t):
				t.Errorf("%+v, want %#x within %#x", plan.Capabilities, c.wantEffective, c.wantBounding)
			}
		})
	}
	t.Run("the older name and the newer one together are refused", func(t *testing.T) {
		i, _ := capabilities.New(isolators.Settings{Root: true})
		l := &mesospb.LinuxInfo{EffectiveCapabilities: caps(), CapabilityInfo: caps()}
		err := i.Prepare(context.Background(), &isolators.Container{Info: &mesospb.ContainerInfo{LinuxInfo: l}}, &isolators.Plan{})
		if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "Only one of 'capability_info' or 'effective_capabilities' is allowed") {
			t.Error(err)
		}
		l.EffectiveCapabilities = nil
		plan := &isolators.Plan{}
		if err := i.Prepare(context.Background(), &isolators.Container{Info: &mesospb.ContainerInfo{LinuxInfo: l}}, plan); err != nil || plan.Capabilities == nil {
			t.Errorf("the older one alone: %v, %+v", err, plan.Capabilities)
		}
	})
}

func TestFlags(t *testing.T) {
	for shows, c := range map[string]struct {
		effective, bounding *mesospb.CapabilityInfo
		refused             string
	}{
		"within the bound":      {caps(chown), caps(chown, netRaw), ""},
		"beyond the bound":      {caps(chown, netRaw), caps(chown), "Allowed capabilities are not a subset of the bounding capabilites: { NET_RAW }"},
		"empty within nothing":  {caps(), caps(), ""},
		"only one":              {caps(netRaw), nil, ""},
		"one that is not there": {caps(1063), nil, "--effective_capabilities: capability 1063"},
	} {
		_, err := capabilities.New(isolators.Settings{Root: true, EffectiveCapabilities: c.effective, BoundingCapabilities: c.bounding})
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused) || !errors.Is(err, fault.ErrInvalid)) {
			t.Errorf("%s: %v", shows, err)
		}
	}
}

// has checks the sets of a process, by the names of /proc/N/status.
func has(t *testing.T, x *exam.Box, want map[string]uint64) {
	t.Helper()
	status := x.Proc(t, "status")
	for name, bits := range want {
		if line := fmt.Sprintf("%s:\t%016x\n", name, bits); !strings.Contains(status, line) {
			t.Errorf("no %q in\n%s", line, status)
		}
	}
}

func TestExam(t *testing.T) {
	nobody := func(c *isolators.Container) { c.UID, c.GID = 65534, 65534 }
	effective := func(list ...cap) func(*isolators.Container) {
		return func(c *isolators.Container) {
			c.Info.LinuxInfo = &mesospb.LinuxInfo{EffectiveCapabilities: caps(list...), BoundingCapabilities: caps(append(list, chown)...)}
		}
	}
	t.Run("the superuser has what the bound allows", func(t *testing.T) {
		exam.Take(t, exam.Case{
			Builder: capabilities.Builder, Needs: []exam.Need{exam.Root}, Container: effective(netRaw),
			Running: func(t *testing.T, x *exam.Box) {
				b := bit(netRaw, chown)
				has(t, x, map[string]uint64{"CapPrm": b, "CapEff": b, "CapInh": b, "CapBnd": b, "CapAmb": bit(netRaw)})
			},
			Nested: effective(netBind),
			NestedRunning: func(t *testing.T, x *exam.Box) {
				has(t, x, map[string]uint64{"CapEff": bit(netBind, chown), "CapBnd": bit(netBind, chown), "CapAmb": bit(netBind)})
			},
			Refused: map[string]func(*isolators.Container){
				"beyond its bound": func(c *isolators.Container) {
					c.Info.LinuxInfo = &mesospb.LinuxInfo{EffectiveCapabilities: caps(netRaw), BoundingCapabilities: caps(chown)}
				},
			},
		})
	})
	t.Run("another user has what was asked for", func(t *testing.T) {
		exam.Take(t, exam.Case{
			Builder: capabilities.Builder, Needs: []exam.Need{exam.Root},
			Container: func(c *isolators.Container) { nobody(c); effective(netRaw)(c) },
			Running: func(t *testing.T, x *exam.Box) {
				has(t, x, map[string]uint64{"CapPrm": bit(netRaw), "CapEff": bit(netRaw), "CapBnd": bit(netRaw, chown), "CapAmb": bit(netRaw)})
			},
		})
	})
	t.Run("an empty list leaves nothing", func(t *testing.T) {
		exam.Take(t, exam.Case{
			Builder: capabilities.Builder, Needs: []exam.Need{exam.Root},
			Container: func(c *isolators.Container) {
				c.Info.LinuxInfo = &mesospb.LinuxInfo{EffectiveCapabilities: caps()}
			},
			// The test's own directory is closed to others, and a superuser without capabilities is one of them.
			Prepared: func(t *testing.T, x *exam.Box) { x.Plan.Dir = "/" },
			Running: func(t *testing.T, x *exam.Box) {
				has(t, x, map[string]uint64{"CapPrm": 0, "CapEff": 0, "CapInh": 0, "CapBnd": 0, "CapAmb": 0})
			},
		})
	})
	if uint64(capabilities.All())&^own(t) != 0 {
		t.Run("what the agent has not is refused", func(t *testing.T) {
			i, _ := capabilities.New(isolators.Settings{Root: true})
			missing := mesospb.CapabilityInfo_SYS_RESOURCE
			if own(t)&(1<<unix.CAP_SYS_RESOURCE) != 0 {
				t.Skip("it is another one that is missing here")
			}
			l := &mesospb.LinuxInfo{EffectiveCapabilities: caps(missing)}
			err := i.Prepare(context.Background(), &isolators.Container{Info: &mesospb.ContainerInfo{LinuxInfo: l}}, &isolators.Plan{})
			if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "the agent itself has no { SYS_RESOURCE }") {
				t.Error(err)
			}
			// Over a user namespace of its own the container's superuser has it.
			if err := i.Prepare(context.Background(), &isolators.Container{Info: &mesospb.ContainerInfo{LinuxInfo: l}}, &isolators.Plan{Namespaces: unix.CLONE_NEWUSER}); err != nil {
				t.Error(err)
			}
		})
	}
}

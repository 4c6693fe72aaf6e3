package rlimits_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/launch"
	"github.com/meseta-io/meseta/isolators/rlimits"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func limit(kind mesospb.RLimitInfo_RLimit_Type, soft, hard uint64) *mesospb.RLimitInfo_RLimit {
	return &mesospb.RLimitInfo_RLimit{Type: kind.Enum(), Soft: proto.Uint64(soft), Hard: proto.Uint64(hard)}
}

func info(l ...*mesospb.RLimitInfo_RLimit) *mesospb.ContainerInfo {
	return &mesospb.ContainerInfo{RlimitInfo: &mesospb.RLimitInfo{Rlimits: l}}
}

// Every one of Mesos' names is a limit of the kernel that can be set in a real process.
func TestEveryType(t *testing.T) {
	for number, name := range mesospb.RLimitInfo_RLimit_Type_name {
		kind := mesospb.RLimitInfo_RLimit_Type(number)
		if kind == mesospb.RLimitInfo_RLimit_UNKNOWN {
			continue
		}
		r, err := rlimits.Of(limit(kind, 0, 0))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// What is there already, so that whoever may raise nothing passes too.
		var now unix.Rlimit
		if err := unix.Prlimit(0, r.Kind, nil, &now); err != nil {
			t.Errorf("%s is none of the kernel's: %v", name, err)
		}
		plan := &isolators.Plan{Path: "/bin/sleep", Argv: []string{"sleep", "600"}, UID: syscall.Geteuid(), GID: syscall.Getegid()}
		want := unix.Rlimit{Cur: now.Max / 2, Max: now.Max - now.Max/4}
		plan.Rlimits = []isolators.Rlimit{{Kind: r.Kind, Soft: want.Cur, Hard: want.Max}}
		c, err := launch.Start(plan, launch.Files{})
		if err != nil {
			t.Fatal(name, err)
		}
		if err := c.Go(); err != nil {
			t.Error(name, err)
		} else if err := unix.Prlimit(c.PID, r.Kind, nil, &now); err != nil || now != want {
			t.Errorf("%s: %+v, want %+v, %v", name, now, want, err)
		}
		c.Kill()
		c.Wait()
	}
	if _, err := rlimits.Of(&mesospb.RLimitInfo_RLimit{}); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "Unknown rlimit type") {
		t.Error(err)
	}
	if r, err := rlimits.Of(&mesospb.RLimitInfo_RLimit{Type: mesospb.RLimitInfo_RLimit_RLMT_CORE.Enum()}); err != nil || r.Soft != unix.RLIM_INFINITY || r.Hard != unix.RLIM_INFINITY {
		t.Errorf("without values: %+v, %v", r, err)
	}
}

func TestExam(t *testing.T) {
	core := mesospb.RLimitInfo_RLimit_RLMT_CORE
	exam.Take(t, exam.Case{
		Builder:   rlimits.Builder,
		Container: func(c *isolators.Container) { c.Info.RlimitInfo = info(limit(core, 0, 1<<20)).RlimitInfo },
		Running: func(t *testing.T, x *exam.Box) {
			if l := x.Proc(t, "limits"); !strings.Contains(l, "Max core file size        0                    1048576 ") {
				t.Error(l)
			}
		},
		Nested: func(c *isolators.Container) { c.Info.RlimitInfo = info(limit(core, 4096, 4096)).RlimitInfo },
		NestedRunning: func(t *testing.T, x *exam.Box) {
			if l := x.Proc(t, "limits"); !strings.Contains(l, "Max core file size        4096                 4096 ") {
				t.Error(l)
			}
		},
		Refused: map[string]func(*isolators.Container){
			"soft alone": func(c *isolators.Container) {
				c.Info = info(&mesospb.RLimitInfo_RLimit{Type: core.Enum(), Soft: proto.Uint64(1)})
			},
			"hard alone": func(c *isolators.Container) {
				c.Info = info(&mesospb.RLimitInfo_RLimit{Type: core.Enum(), Hard: proto.Uint64(1)})
			},
			"soft above hard": func(c *isolators.Container) { c.Info = info(limit(core, 2, 1)) },
			"of no kind":      func(c *isolators.Container) { c.Info = info(limit(mesospb.RLimitInfo_RLimit_UNKNOWN, 1, 1)) },
		},
	})
}

// A program that goes beyond a limit feels it.
func TestExceeded(t *testing.T) {
	r, err := rlimits.Of(limit(mesospb.RLimitInfo_RLimit_RLMT_CPU, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	plan := &isolators.Plan{Path: "/bin/sh", Argv: []string{"sh", "-c", "while :; do :; done"}, UID: syscall.Geteuid(), GID: syscall.Getegid(), Rlimits: []isolators.Rlimit{r}}
	c, err := launch.Start(plan, launch.Files{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Go(); err != nil {
		t.Fatal(err)
	}
	if status, _, err := c.Wait(); err != nil || !status.Signaled() {
		t.Error(status, err)
	}
}

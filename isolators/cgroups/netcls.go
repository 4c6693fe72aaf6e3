package cgroups

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// netcls is cgroups/net_cls: the packets of each container have a mark of its own.
type netcls struct {
	controlled
	handles *handles // nil: no marks are given out

	mu    sync.Mutex
	given map[string]Handle
}

func (s *shared) netcls(settings isolators.Settings) (isolators.Isolator, error) {
	h, err := newHandles(settings.NetClsPrimary, settings.NetClsSecondaries)
	if err != nil {
		return nil, err
	}
	c, err := s.need(settings, "cgroups/net_cls", "net_cls")
	if err != nil {
		return nil, err
	}
	return &netcls{controlled: c, handles: h, given: map[string]Handle{}}, nil
}

// Prepare implements isolators.Isolator.
func (i *netcls) Prepare(_ context.Context, c *isolators.Container, _ *isolators.Plan) error {
	group, ok := i.own(c)
	if !ok || i.handles == nil {
		return nil
	}
	h, err := i.handles.alloc()
	if err != nil {
		return err
	}
	i.mu.Lock()
	i.given[c.ID] = h
	i.mu.Unlock()
	return group.Write("net_cls.classid", strconv.FormatUint(uint64(h.ClassID()), 10))
}

// Status implements isolators.Isolator: what the kernel has, which an operator may have changed.
func (i *netcls) Status(_ context.Context, c *isolators.Container, into *mesospb.ContainerStatus) error {
	p, err := i.groups.Where(c)
	if err != nil || p.Controllers[i.controller] == "" {
		return err
	}
	classid, err := p.Controllers[i.controller].Uint("net_cls.classid")
	if gone(err) || err == nil && classid == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if into.CgroupInfo == nil {
		into.CgroupInfo = &mesospb.CgroupInfo{}
	}
	into.CgroupInfo.NetCls = &mesospb.CgroupInfo_NetCls{Classid: proto.Uint32(uint32(classid))}
	return nil
}

// Recover implements isolators.Isolator: what living containers have is not given out again.
func (i *netcls) Recover(_ context.Context, alive []*isolators.Container) error {
	if i.handles == nil {
		return nil
	}
	for _, c := range alive {
		group, ok := i.own(c)
		if !ok {
			continue
		}
		classid, err := group.Uint("net_cls.classid")
		if gone(err) || err == nil && classid == 0 {
			continue
		}
		if err != nil {
			return err
		}
		h := HandleOf(uint32(classid))
		if err := i.handles.reserve(h); err != nil {
			return fmt.Errorf("container %s: %w", c.ID, err)
		}
		i.mu.Lock()
		i.given[c.ID] = h
		i.mu.Unlock()
	}
	return nil
}

// Cleanup implements isolators.Isolator.
func (i *netcls) Cleanup(_ context.Context, c *isolators.Container) error {
	i.mu.Lock()
	h, ok := i.given[c.ID]
	delete(i.given, c.ID)
	i.mu.Unlock()
	if ok {
		i.handles.free(h)
	}
	return nil
}

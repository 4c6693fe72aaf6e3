package disk

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/bytesize"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Watch implements isolators.Isolator. Where a container may not go beyond its quota there is nothing to look for.
func (x *XFS) Watch(c *isolators.Container, limited func(isolators.Limitation)) {
	x.mu.Lock()
	m := x.by[c.ID]
	x.mu.Unlock()
	if m == nil || !x.kill {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.mu.Lock()
	m.limited, m.cancel = limited, cancel
	m.mu.Unlock()
	go x.look(ctx, c.ID, m)
}

func (x *XFS) look(ctx context.Context, id string, m *managed) {
	tick := time.NewTicker(x.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if x.check(id, m) {
			return
		}
	}
}

// check tells whether a container uses more than it has, once.
func (x *XFS) check(id string, m *managed) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.shares {
		if p.id == 0 || len(p.parts) == 0 {
			continue
		}
		used, err := p.used()
		if err != nil {
			x.log.Warn("cannot check the disk usage of a container", "container", id, "directory", p.path(), "error", err)
			continue
		}
		if used <= p.limit || m.limited == nil {
			continue
		}
		r := &mesospb.Resource{Name: proto.String("disk"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(float64(used / (1 << 20)))}, Disk: proto.CloneOf(p.disk)}
		m.limited(isolators.Limitation{Reason: mesospb.TaskStatus_REASON_CONTAINER_LIMITATION_DISK, Resources: []*mesospb.Resource{r},
			Message: fmt.Sprintf("Disk usage (%s) exceeded quota (%s)%s", bytesize.Format(used), bytesize.Format(p.limit), p.what())})
		m.limited = nil
		return true
	}
	return m.limited == nil
}

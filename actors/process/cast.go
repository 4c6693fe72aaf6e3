package process

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
	cmap "github.com/orcaman/concurrent-map"
)

// Proto.Actor keeps its actors in 1,024 buckets of so many maps each. One map is enough, because the buckets
// already spread the locks; 32, the default, make a system cost 3 MiB and most of the time that a command
// task's executor needs to start. It has to be said before any of these maps is made.
func init() { cmap.SHARD_COUNT = 1 }

// theatre is the one Proto.Actor system of this operating-system process; every Runtime puts its cast on it.
// One is enough because ids carry the number of their runtime, and a simulated cluster of a thousand nodes could
// not afford one for each. It logs nowhere: what it could say
// (restarts, dead letters) cannot happen here, because mailboxes catch panics and sends find their receiver
// before they reach it.
var theatre = sync.OnceValue(func() *actor.ActorSystem {
	return actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.NewTextHandler(io.Discard, nil))
	}))
})

var runtimes atomic.Uint64

// cast spawns the processes of one runtime as Proto.Actor actors.
type cast struct {
	prefix string
	props  *actor.Props

	mu      sync.Mutex
	onStage *Base // the process that is being spawned: props are shared, so its producers look here
}

func (c *cast) init(*Runtime) {
	c.prefix = strconv.FormatUint(runtimes.Add(1), 36) + "/"
	c.props = actor.PropsFromProducer(
		func() actor.Actor { return &c.onStage.box },
		actor.WithMailbox(func() actor.Mailbox { return &c.onStage.box }),
	)
}

// enter makes b an actor, which gives its mailbox the actor's context and Started as its first message. It
// happens when b first runs, so that whoever spawns need not wait for it.
func (c *cast) enter(b *Base) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onStage = b
	_, err := theatre().Root.SpawnNamed(c.props, c.prefix+b.self.ID)
	c.onStage = nil
	if err != nil { // the registry gave the name to nobody else
		panic(fmt.Errorf("process %s: %w", b.self.ID, err))
	}
}

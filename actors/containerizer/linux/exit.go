package linux

import (
	"os"
	"path/filepath"
	"syscall"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/controlpb"
)

// exitFile says how a container's first process has ended.
const exitFile = "exit"

func writeExit(c *container, x containerizer.Exit) error {
	return put(filepath.Join(c.State, exitFile), exitRecord(x))
}

// readExit is how a container has ended that an earlier agent has started, as far as anybody saw it.
func readExit(c *container) containerizer.Exit {
	r := &controlpb.ContainerExit{}
	data, err := os.ReadFile(filepath.Join(c.State, exitFile))
	if err == nil {
		err = proto.Unmarshal(data, r)
	}
	if err != nil {
		return containerizer.Exit{}
	}
	return exitOf(r)
}

func exitRecord(x containerizer.Exit) *controlpb.ContainerExit {
	r := &controlpb.ContainerExit{}
	if x.Known {
		r.Status = proto.Int32(int32(x.Status))
	}
	if x.Limitation != nil {
		r.Limitation = &controlpb.ContainerLimitation{Reason: &x.Limitation.Reason, Message: &x.Limitation.Message, Resources: x.Limitation.Resources}
	}
	return r
}

func exitOf(r *controlpb.ContainerExit) (x containerizer.Exit) {
	if r.GetStatus(); r != nil && r.Status != nil {
		x.Known, x.Status = true, syscall.WaitStatus(r.GetStatus())
	}
	if l := r.GetLimitation(); l != nil {
		x.Limitation = &isolators.Limitation{Reason: l.GetReason(), Message: l.GetMessage(), Resources: l.GetResources()}
	}
	return x
}

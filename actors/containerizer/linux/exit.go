package linux

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/controlpb"
)

// Two files say how a container has ended. exitFile is the agent's: everything that it knows. statusFile is the container's first
// process': the program's wait status, whether there is an agent or not.
const (
	exitFile   = "exit"
	statusFile = "status"
)

// openStatus opens the file for the first process to write to.
func openStatus(c *container) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(c.State, statusFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the file for the exit status of container %s cannot be made: %w", c.ID, err)
	}
	return f, nil
}

// readStatus is what the first process has written when the program ended.
func readStatus(c *container) (x containerizer.Exit) {
	if data, err := os.ReadFile(filepath.Join(c.State, statusFile)); err == nil && len(data) == 4 {
		x.Known, x.Status = true, syscall.WaitStatus(binary.NativeEndian.Uint32(data))
	}
	return x
}

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
		return readStatus(c)
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

package all

import (
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/namespaces"
)

// separating keeps apart what processes see of each other.
var separating = []isolators.Builder{
	{Names: []string{"namespaces/user"}, New: namespaces.NewUser},
	{Names: []string{"namespaces/pid"}, New: namespaces.NewPID},
	{Names: []string{"namespaces/ipc"}, New: namespaces.NewIPC},
	{Names: []string{"namespaces/uts"}, New: namespaces.NewUTS},
	{Names: []string{"namespaces/cgroup"}, New: namespaces.NewCgroup},
}

// files are the file system, volumes, devices and cards, and how full the disk may be.
var files []isolators.Builder

package all

import (
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/devices"
	"github.com/meseta-io/meseta/isolators/disk"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/isolators/gpu"
	"github.com/meseta-io/meseta/isolators/namespaces"
	"github.com/meseta-io/meseta/isolators/secrets"
	"github.com/meseta-io/meseta/isolators/volumes"
)

// separating keeps apart what processes see of each other. Who users are comes
// first, because the sandbox becomes theirs; then files, because what is mounted later is mounted on them.
var separating = []isolators.Builder{
	{Names: []string{"namespaces/user"}, New: namespaces.NewUser},
	{Names: []string{"filesystem/linux"}, New: filesystem.NewLinux},
	{Names: []string{"filesystem/posix"}, Always: true, New: filesystem.NewPosix}, // where there is no filesystem/linux
	{Names: []string{"namespaces/pid"}, New: namespaces.NewPID},
	{Names: []string{"namespaces/ipc"}, New: namespaces.NewIPC},
	{Names: []string{"namespaces/uts"}, New: namespaces.NewUTS},
	{Names: []string{"namespaces/cgroup"}, New: namespaces.NewCgroup},
}

// files are volumes, devices and cards, and how full the disk may be.
var files = []isolators.Builder{
	{Names: []string{"volume/host_path"}, Always: true, New: volumes.NewHostPath},
	{Names: []string{"volume/sandbox_path"}, Always: true, New: volumes.NewSandboxPath},
	{Names: []string{"disk/du", "posix/disk"}, New: disk.NewDU},
	{Names: []string{"disk/xfs"}, New: disk.NewXFS},
	{Names: []string{"linux/devices"}, New: devices.NewLinux},
	{Names: []string{"gpu/nvidia"}, New: gpu.New(gpu.Here)},
}

// hidden bring what nobody else may read.
var hidden = []isolators.Builder{
	{Names: []string{"environment_secret"}, Always: true, New: secrets.NewEnvironment},
}

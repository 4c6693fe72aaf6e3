package launch

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
)

// Ready opens what all containers are started from, once for this process. Start does it too; an agent that asks first hears
// at its own start what is wrong, and its first container is not slower than the others.
func Ready() error {
	_, err := sealed()
	if err == nil {
		_, err = stayer()
	}
	return err
}

// image is what the process runs until its program. Where the process stays the agent's own user and sees what the agent
// sees there is nothing to protect that it could not reach by its name.
func image(plan *isolators.Plan) (*os.File, error) {
	if os.Geteuid() != 0 && plan.Namespaces == 0 && len(plan.Join) == 0 {
		return plain()
	}
	return sealed()
}

var plain = sync.OnceValues(func() (*os.File, error) { return os.Open("/proc/self/exe") })

// sealed is this program's binary, open in a way that nobody who gets hold of the file, as by /proc/N/exe, can write to it
// (the classes of CVE-2019-0204 and CVE-2019-5736). It is opened once for all containers.
var sealed = sync.OnceValues(func() (*os.File, error) {
	f, err := detached()
	if err != nil {
		f, err = copied()
	}
	if err != nil {
		return nil, fmt.Errorf("a copy of the program that containers cannot write to: %w", err)
	}
	return f, nil
})

// detached opens the binary through a copy of its mount that is read-only and nowhere: the copy ends with its own descriptor
// and is in no namespace after it, so that there is no way left to make it writable again.
func detached() (*os.File, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, "/proc/self/exe", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(tree)
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, attr); err != nil {
		return nil, err
	}
	return os.Open(fmt.Sprintf("/proc/self/fd/%d", tree))
}

// copied is the binary in memory. It costs its size once, where the agent may not copy mounts.
func copied() (*os.File, error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer self.Close()
	return inMemory("meseta", self)
}

// inMemory is a program in a file of its own that is nowhere, and that nobody can ever change.
func inMemory(name string, from io.Reader) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL { // a kernel before 6.3 has no MFD_EXEC, and lets every one be executed
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	memory := os.NewFile(uintptr(fd), name)
	defer memory.Close()
	if _, err := io.Copy(memory, from); err != nil {
		return nil, err
	}
	seals := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, fmt.Errorf("seal it: %w", err)
	}
	// Opened anew: what is open for writing cannot be executed.
	return os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
}

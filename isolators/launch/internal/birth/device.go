package birth

import (
	"syscall"
	"unsafe"
)

// device makes a node. In a user namespace nobody can, so there the machine's own node of the name is shown instead.
func (w *world) device(path string, mode uint32, dev, uid, gid int) *failure {
	dir, name, e := w.parent(path)
	if e != 0 {
		return &failure{e, path}
	}
	defer syscall.Close(dir)
	err := syscall.Mknodat(dir, name, mode, dev)
	if err == syscall.EPERM {
		return w.borrow(path, mode, dev)
	}
	if err != nil && err != syscall.EEXIST {
		return failed(err, path)
	}
	fd, err := syscall.Openat(dir, name, oPath|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err != nil {
		return failed(err, path)
	}
	defer syscall.Close(fd)
	if !isDevice(fd, mode, dev) {
		return &failure{syscall.EEXIST, path + " is something else"}
	}
	_, _, e = syscall.RawSyscall6(syscall.SYS_FCHOWNAT, uintptr(fd), uintptr(unsafe.Pointer(&empty)), uintptr(uid), uintptr(gid), atEmptyPath, 0)
	return maybeErrno(e, path)
}

func (w *world) borrow(path string, mode uint32, dev int) *failure {
	tree, e := cloneTree(atFDCWD, path, false)
	if e != 0 {
		return &failure{e, "the machine's " + path}
	}
	defer syscall.Close(tree)
	if !isDevice(tree, mode, dev) {
		return &failure{syscall.ENODEV, "the machine's " + path + " is something else"}
	}
	target, f := w.target(mount{target: path, make: true}, true)
	if f != nil {
		return f
	}
	defer syscall.Close(target)
	return maybeErrno(move(tree, target), path)
}

func isDevice(fd int, mode uint32, dev int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == mode&syscall.S_IFMT && st.Rdev == uint64(dev)
}

// link makes a symbolic link; what is there already stays.
func (w *world) link(says, path string) *failure {
	dir, name, e := w.parent(path)
	if e != 0 {
		return &failure{e, path}
	}
	defer syscall.Close(dir)
	from, err := syscall.BytePtrFromString(says)
	to, err2 := syscall.BytePtrFromString(name)
	if err != nil || err2 != nil {
		return &failure{syscall.EINVAL, path}
	}
	_, _, e = syscall.RawSyscall(syscall.SYS_SYMLINKAT, uintptr(unsafe.Pointer(from)), uintptr(dir), uintptr(unsafe.Pointer(to)))
	if e == syscall.EEXIST {
		return nil
	}
	return maybeErrno(e, path)
}

package birth

import (
	"syscall"
	"unsafe"
)

// cloneTree copies the mount at a path, with those below it when rec is set; an empty path is the descriptor itself.
func cloneTree(dir int, path string, rec bool) (int, syscall.Errno) {
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1, syscall.EINVAL
	}
	flags := uintptr(openTreeClone | syscall.O_CLOEXEC)
	if path == "" {
		flags |= atEmptyPath
	}
	if rec {
		flags |= atRecursive
	}
	fd, _, e := syscall.RawSyscall(sysOpenTree, uintptr(dir), uintptr(unsafe.Pointer(p)), flags)
	return int(fd), e
}

var empty = [1]byte{}

func move(tree, target int) syscall.Errno {
	none := uintptr(unsafe.Pointer(&empty))
	_, _, e := syscall.RawSyscall6(sysMoveMount, uintptr(tree), none, uintptr(target), none, fromEmptyPath|toEmptyPath, 0)
	return e
}

// setAttributes of a mount, and with MS_REC in flags or propagation of those below it.
func setAttributes(fd int, flags, propagation uintptr) syscall.Errno {
	set, clear := attributes(flags)
	kind := propagation &^ syscall.MS_REC
	if set|clear != 0 {
		if e := setattr(fd, flags&syscall.MS_REC != 0, [4]uint64{set, clear}); e != 0 {
			return e
		}
	}
	if kind == 0 {
		return 0
	}
	return setattr(fd, propagation&syscall.MS_REC != 0, [4]uint64{2: uint64(kind)})
}

func setattr(fd int, rec bool, attr [4]uint64) syscall.Errno {
	flags := uintptr(atEmptyPath)
	if rec {
		flags |= atRecursive
	}
	_, _, e := syscall.RawSyscall6(sysMountSetattr, uintptr(fd), uintptr(unsafe.Pointer(&empty)), flags, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	return e
}

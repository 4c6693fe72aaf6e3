package birth

import "syscall"

// mask hides a path of the container: a file behind the null device, a directory behind an empty one. What is not there
// needs no hiding.
func (w *world) mask(path string) *failure {
	target, f := w.guarded(path)
	if target < 0 {
		return f
	}
	defer syscall.Close(target)
	var st syscall.Stat_t
	if err := syscall.Fstat(target, &st); err != nil {
		return failed(err, path)
	}
	if st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		return w.mountOn(target, mount{target: path, kind: "tmpfs", data: "size=0,nr_inodes=1,mode=0555",
			flags: syscall.MS_RDONLY | syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC})
	}
	null, e := cloneTree(atFDCWD, "/dev/null", false)
	if e != 0 {
		return &failure{e, "/dev/null"}
	}
	defer syscall.Close(null)
	// Whoever could put a link where the null device belongs would otherwise show instead of hide.
	if err := syscall.Fstat(null, &st); err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFCHR || st.Rdev != 1<<8|3 {
		return &failure{syscall.EINVAL, "/dev/null is not the null device"}
	}
	return maybeErrno(move(null, target), path)
}

// readonly puts a path of the container behind a copy of itself that cannot be written through.
func (w *world) readonly(path string) *failure {
	target, f := w.guarded(path)
	if target < 0 {
		return f
	}
	defer syscall.Close(target)
	tree, e := cloneTree(target, "", true)
	if e != 0 {
		return &failure{e, path}
	}
	defer syscall.Close(tree)
	if e := setAttributes(tree, syscall.MS_RDONLY|syscall.MS_REC, 0); e != 0 {
		return &failure{e, path}
	}
	return maybeErrno(move(tree, target), path)
}

// guarded opens what is to be masked or protected; -1 without a failure when it is not there. Below /proc it has to be of a
// proc file system: a directory that an image brings under that name would leave the real thing open.
func (w *world) guarded(path string) (int, *failure) {
	target, e := w.open(path)
	switch {
	case e == syscall.ENOENT || e == syscall.ENOTDIR:
		return -1, nil
	case e != 0:
		return -1, &failure{e, path}
	case below(path, "/proc") && !isProc(target):
		syscall.Close(target)
		return -1, &failure{syscall.EINVAL, path + " is not of a proc file system"}
	}
	return target, nil
}

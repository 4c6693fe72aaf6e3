package birth

import "syscall"

// mount is isolators.Mount. tree is the index of what a bind mount shows.
type mount struct {
	source, target, within, kind, data string
	flags, propagation                 uintptr
	make, optional                     bool
	tree                               int
}

// mount makes one mount. What is not there ends an optional one in peace.
func (w *world) mount(m mount) *failure {
	var f *failure
	switch {
	case m.tree >= 0:
		if w.trees[m.tree] < 0 {
			return nil
		}
		f = w.bind(m, w.trees[m.tree])
	case m.flags&syscall.MS_REMOUNT != 0 || m.kind == "" && m.source == "":
		f = w.change(m)
	default:
		f = w.fresh(m)
	}
	if f != nil && m.optional && absent(f.errno) {
		return nil
	}
	return f
}

func absent(e syscall.Errno) bool {
	return e == syscall.ENOENT || e == syscall.ENOTDIR || e == syscall.ENODEV
}

// change what is mounted on the target already.
func (w *world) change(m mount) *failure {
	fd, e := w.open(m.target)
	if e != 0 {
		return &failure{e, m.target}
	}
	defer syscall.Close(fd)
	return maybeErrno(setAttributes(fd, m.flags, m.propagation), m.target)
}

// tree copies the mounts at the source of a bind mount to come, and gives the copy its attributes before anybody can see
// it. It comes before the mounts of this namespace are cut off from the machine's, so that the copy can stay their peer.
func (w *world) tree(source, from string, flags, propagation uintptr, optional bool) *failure {
	fd, f := copyOf(source, from, flags&syscall.MS_REC != 0)
	if f != nil && optional && absent(f.errno) {
		f, fd = nil, -1
	}
	w.trees = append(w.trees, fd)
	if f != nil || fd < 0 {
		return f
	}
	// A peer of the machine's mount shows it whatever is mounted below; others only hear of it.
	if propagation == 0 {
		propagation = syscall.MS_SLAVE | syscall.MS_REC
	}
	return maybeErrno(setAttributes(fd, flags, propagation), source)
}

// copyOf is a tree of mounts that is nowhere yet.
func copyOf(source, from string, rec bool) (int, *failure) {
	if from == "" {
		fd, e := cloneTree(atFDCWD, source, rec)
		return fd, maybeErrno(e, source)
	}
	dir, err := syscall.Open(from, oPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1, failed(err, from)
	}
	defer syscall.Close(dir)
	place, e := within(dir, source, beneath)
	if e != 0 {
		return -1, &failure{e, source + " in " + from}
	}
	defer syscall.Close(place)
	fd, e := cloneTree(place, "", rec)
	return fd, maybeErrno(e, source)
}

// bind puts a tree on the target.
func (w *world) bind(m mount, tree int) *failure {
	defer syscall.Close(tree)
	var st syscall.Stat_t
	if err := syscall.Fstat(tree, &st); err != nil {
		return failed(err, m.source)
	}
	target, f := w.target(m, st.Mode&syscall.S_IFMT != syscall.S_IFDIR)
	if f != nil {
		return f
	}
	defer syscall.Close(target)
	return maybeErrno(move(tree, target), m.target)
}

// target opens where a mount goes.
func (w *world) target(m mount, file bool) (int, *failure) {
	resolve, base := uint64(inRoot), "/"
	if m.within != "" {
		resolve, base = beneath, m.within
	}
	dir, e := w.open(base)
	if e != 0 {
		return -1, &failure{e, base}
	}
	defer syscall.Close(dir)
	if m.make {
		dir, e = makeIn(dir, m.target, resolve, file)
	} else {
		dir, e = within(dir, m.target, resolve)
	}
	return dir, maybeErrno(e, m.target)
}

// fresh mounts a file system.
func (w *world) fresh(m mount) *failure {
	target, f := w.target(m, false)
	if f != nil {
		return f
	}
	defer syscall.Close(target)
	if f := w.mountOn(target, m); f != nil || m.propagation == 0 {
		return f
	}
	m.make = false
	top, f := w.target(m, false)
	if f != nil {
		return f
	}
	defer syscall.Close(top)
	return maybeErrno(setAttributes(top, 0, m.propagation), m.target)
}

// mountOn mounts a file system on a target that is open. mount(2) wants a path, so it gets the descriptor's, below a /proc
// that is the machine's.
func (w *world) mountOn(target int, m mount) *failure {
	if f := w.openProc(); f != nil {
		return f
	}
	if err := syscall.Fchdir(w.proc); err != nil {
		return failed(err, "/proc")
	}
	source := m.source
	if source == "" {
		source = m.kind
	}
	if err := syscall.Mount(source, "self/fd/"+itoa(target), m.kind, m.flags, m.data); err != nil {
		return failed(err, m.target)
	}
	return nil
}

// takeRoot makes a directory the place where paths of the container begin, and a mount, because only a mount can become
// the root of a process.
func (w *world) takeRoot(path string) *failure {
	at, err := syscall.Open(path, oPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return failed(err, path)
	}
	defer syscall.Close(at)
	tree, e := cloneTree(at, "", true)
	if e == 0 {
		e = move(tree, at)
	}
	w.root = tree
	return maybeErrno(e, path)
}

// pivot makes the root of paths that of the process. The old one lies below it then and goes; what is busy in it goes
// when nobody uses it any more.
func (w *world) pivot() *failure {
	old, err := syscall.Open("/", oPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return failed(err, "/")
	}
	defer syscall.Close(old)
	if err := syscall.Fchdir(w.root); err != nil {
		return failed(err, "change to it")
	}
	if err := syscall.PivotRoot(".", "."); err != nil {
		return failed(err, "pivot_root")
	}
	if err := syscall.Fchdir(old); err != nil {
		return failed(err, "change to the old root")
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return failed(err, "let go of the old root")
	}
	return maybe(syscall.Chdir("/"))
}

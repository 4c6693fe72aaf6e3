package birth

import (
	"syscall"
	"unsafe"
)

// Ways to resolve a path below a directory, whoever changes it meanwhile. In the root of a container what would lead out
// leads back to the root, as it will for its programs; beneath a directory it is refused.
const (
	inRoot  = resolveInRoot | resolveNoMagic
	beneath = resolveBeneath | resolveNoMagic
)

// within opens a path below a directory to stand for it (O_PATH).
func within(dir int, path string, resolve uint64) (int, syscall.Errno) {
	for resolve == inRoot && len(path) > 0 && path[0] == '/' {
		path = path[1:]
	}
	if path == "" {
		path = "."
	}
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1, syscall.EINVAL
	}
	how := struct{ flags, mode, resolve uint64 }{oPath | syscall.O_CLOEXEC, 0, resolve}
	for range 1000 {
		fd, _, e := syscall.RawSyscall6(sysOpenat2, uintptr(dir), uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0)
		// EAGAIN: something was renamed on the way, so the kernel cannot vouch for a "..".
		if e != syscall.EAGAIN && e != syscall.EINTR {
			return int(fd), e
		}
	}
	return -1, syscall.EAGAIN
}

// open a path of the container.
func (w *world) open(path string) (int, syscall.Errno) {
	if w.root < 0 {
		fd, err := syscall.Open("/", oPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return -1, errno(err)
		}
		w.root = fd
	}
	return within(w.root, path, inRoot)
}

// make opens a path below a directory and makes what is missing: directories, and for a file an empty one.
func makeIn(dir int, path string, resolve uint64, file bool) (int, syscall.Errno) {
	at, e := within(dir, ".", resolve)
	done := ""
	for rest := path; rest != "" && e == 0; {
		var name string
		if name, rest = first(rest); name == "" || name == "." {
			continue
		}
		if done += name; rest != "" {
			done += "/"
		}
		var next int
		next, e = within(dir, done, resolve)
		if e == syscall.ENOENT {
			if e = makeOne(at, name, file && rest == ""); e == 0 || e == syscall.EEXIST {
				next, e = within(dir, done, resolve) // ENOENT again: a link to what is not there
			}
		}
		syscall.Close(at)
		at = next
	}
	return at, e
}

func makeOne(dir int, name string, file bool) syscall.Errno {
	if !file {
		return errno(syscall.Mkdirat(dir, name, 0o755))
	}
	fd, err := syscall.Openat(dir, name, syscall.O_CREAT|syscall.O_EXCL|syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o644)
	if err == nil {
		syscall.Close(fd)
	}
	return errno(err)
}

// parent makes and opens the directory of a path of the container, and names what is in it.
func (w *world) parent(path string) (dir int, name string, e syscall.Errno) {
	end := len(path)
	for end > 0 && path[end-1] == '/' {
		end--
	}
	start := end
	for start > 0 && path[start-1] != '/' {
		start--
	}
	name = path[start:end]
	if name == "" || name == "." || name == ".." {
		return -1, "", syscall.EINVAL
	}
	if dir, e = w.open("/"); e != 0 {
		return -1, "", e
	}
	defer syscall.Close(dir)
	dir, e = makeIn(dir, path[:start], inRoot, false)
	return dir, name, e
}

// first name of a path, and what follows it.
func first(path string) (name, rest string) {
	for i := range len(path) {
		if path[i] == '/' {
			return path[:i], path[i+1:]
		}
	}
	return path, ""
}

func below(path, dir string) bool {
	return len(path) > len(dir) && path[:len(dir)] == dir && path[len(dir)] == '/'
}

func errno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(syscall.Errno); ok {
		return e
	}
	return syscall.EINVAL
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

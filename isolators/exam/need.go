package exam

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Need is something that a machine may lack. It says what, or "".
type Need func() (missing string)

func need(t *testing.T, all []Need) {
	t.Helper()
	for _, n := range all {
		if missing := n(); missing != "" {
			t.Skip("missing here: " + missing)
		}
	}
}

// Skip leaves a test out when the machine lacks something, and says what.
func Skip(t *testing.T, needs ...Need) { t.Helper(); need(t, needs) }

// Root is the right to do everything.
func Root() string {
	if os.Geteuid() != 0 {
		return "root"
	}
	return ""
}

// Unprivileged is the opposite.
func Unprivileged() string {
	if os.Geteuid() == 0 {
		return "a user who is not root"
	}
	return ""
}

// Controller is a controller of control groups that works, in a hierarchy of its own or in the unified one.
func Controller(name string) Need {
	return func() string {
		if onV1(name) || onV2(name) {
			return ""
		}
		return "the control group controller " + name
	}
}

// V1 is a controller with a mounted hierarchy of its own.
func V1(name string) Need {
	return func() string {
		if onV1(name) {
			return ""
		}
		return "a mounted version 1 hierarchy of the controller " + name
	}
}

// V2 is a controller of the unified hierarchy.
func V2(name string) Need {
	return func() string {
		if onV2(name) {
			return ""
		}
		return "the controller " + name + " in the unified hierarchy"
	}
}

// Unified is a unified hierarchy, with controllers or without.
func Unified() string {
	if _, ok := unified(); ok {
		return ""
	}
	return "a unified hierarchy of control groups"
}

// File is one that has to be there, such as /sys/kernel/btf/vmlinux.
func File(name string) Need {
	return func() string {
		if _, err := os.Stat(name); err != nil {
			return name
		}
		return ""
	}
}

// BTF is the kernel's description of its own types.
func BTF() string { return File("/sys/kernel/btf/vmlinux")() }

// Program is one that has to be in the PATH.
func Program(name string) Need {
	return func() string {
		if _, err := exec.LookPath(name); err != nil {
			return "the program " + name
		}
		return ""
	}
}

// Kernel is a version of Linux, or a later one.
func Kernel(major, minor int) Need {
	return func() string {
		var name unix.Utsname
		if err := unix.Uname(&name); err != nil {
			return err.Error()
		}
		release := unix.ByteSliceToString(name.Release[:])
		var a, b int
		if _, err := fmt.Sscanf(release, "%d.%d", &a, &b); err != nil {
			return "a kernel with a version, not " + release
		}
		if a > major || a == major && b >= minor {
			return ""
		}
		return fmt.Sprintf("Linux %d.%d (this is %s)", major, minor, release)
	}
}

// FileSystem is a type of file system that the kernel knows.
func FileSystem(name string) Need {
	return func() string {
		known, _ := os.ReadFile("/proc/filesystems")
		for line := range strings.SplitSeq(string(known), "\n") {
			if fields := strings.Fields(line); len(fields) > 0 && fields[len(fields)-1] == name {
				return ""
			}
		}
		return "the file system " + name
	}
}

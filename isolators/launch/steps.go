package launch

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/launch/internal/birth"
)

// steps are those of a plan, each with what it is for, in words that follow a colon.
type steps struct {
	list []birth.Step
	what []string
}

func (s *steps) add(step birth.Step, what string, args ...any) {
	s.list = append(s.list, step)
	s.what = append(s.what, fmt.Sprintf(what, args...))
}

// compile turns a plan into steps. Their order is the point of it: what needs rights before they are given up, what needs
// the machine's files before they are out of sight, limits where only the program feels them, and the filter of system
// calls last, when all that it has to let through is the program's start.
func compile(plan *isolators.Plan, root, status bool) (steps, error) {
	var s steps
	if err := validate(plan, root); err != nil {
		return s, err
	}
	s.namespaces(plan)
	if plan.Namespaces&unix.CLONE_NEWNS != 0 {
		s.files(plan)
	}
	if !ownKeyring(plan) {
		s.add(birth.Step{Op: birth.Keyring}, "a session keyring of its own")
	}
	s.add(birth.Step{Op: birth.Umask, N: []uint64{0o022}}, "umask")
	if plan.Dir != "" {
		s.add(birth.Step{Op: birth.Dir, S: []string{plan.Dir}}, "work in %s", plan.Dir)
	}
	if plan.Init {
		stay := birth.Step{Op: birth.Stay, N: []uint64{birth.InitFD, 0}}
		if status {
			stay.N[1] = birth.StatusFD
		}
		s.add(stay, "stay as the first process of the pid namespace")
	}
	for _, r := range plan.Rlimits {
		s.add(birth.Step{Op: birth.Rlimit, N: []uint64{uint64(r.Kind), r.Soft, r.Hard}}, "limit %s to %s, at most %s", rlimitName(r.Kind), limit(r.Soft), limit(r.Hard))
	}
	s.identity(plan, root)
	s.program(plan)
	return s, nil
}

func (s *steps) namespaces(plan *isolators.Plan) {
	join := slices.Clone(plan.Join)
	slices.SortStableFunc(join, func(a, b isolators.Namespace) int {
		return int(a.Kind&unix.CLONE_NEWNS) - int(b.Kind&unix.CLONE_NEWNS) // last: paths mean something else after it
	})
	entered := passage(plan) != nil || plan.Namespaces&unix.CLONE_NEWUSER != 0
	for _, n := range join {
		if !entered || n.Kind == unix.CLONE_NEWNS {
			s.add(birth.Step{Op: birth.Join, S: []string{n.Path}, N: []uint64{uint64(n.Kind), n.Inode}}, "enter the namespace %s", n.Path)
		}
	}
	if plan.Namespaces&unix.CLONE_NEWCGROUP != 0 {
		s.add(birth.Step{Op: birth.Unshare, N: []uint64{unix.CLONE_NEWCGROUP}}, "have a cgroup namespace")
	}
	for _, name := range slices.Sorted(maps.Keys(plan.Sysctls)) {
		file := strings.ReplaceAll(name, ".", "/")
		s.add(birth.Step{Op: birth.Sysctl, S: []string{file, plan.Sysctls[name]}}, "set sysctl %s to %q", name, plan.Sysctls[name])
	}
	if plan.Hostname != "" {
		s.add(birth.Step{Op: birth.Hostname, S: []string{plan.Hostname}}, "set the hostname %q", plan.Hostname)
	}
}

// files is what the container sees. Nothing of it gets out, but what the machine mounts and unmounts comes in: a copy that
// kept what was there would hold every volume of every other container.
func (s *steps) files(plan *isolators.Plan) {
	trees := s.trees(plan)
	s.add(birth.Step{Op: birth.Spread, N: []uint64{unix.MS_REC | unix.MS_SLAVE}}, "keep mounts of the container from the machine")
	if plan.RootFS != "" {
		s.add(birth.Step{Op: birth.Root, S: []string{plan.RootFS}}, "make %s the root", plan.RootFS)
	}
	for i, m := range plan.Mounts {
		var bits uint64
		if m.Make {
			bits |= birth.Make
		}
		if m.Optional {
			bits |= birth.Optional
		}
		s.add(birth.Step{Op: birth.Mount, S: []string{m.Source, m.Target, m.Within, m.Type, m.Data}, N: []uint64{uint64(m.Flags), uint64(m.Propagation), bits, trees[i]}}, "%s", mountWords(m))
	}
	for _, d := range plan.Devices {
		kind := uint64(unix.S_IFCHR)
		if d.Type == 'b' {
			kind = unix.S_IFBLK
		}
		s.add(birth.Step{Op: birth.Device, S: []string{d.Path}, N: []uint64{kind | uint64(d.Mode), unix.Mkdev(d.Major, d.Minor), uint64(d.UID), uint64(d.GID)}}, "make the device %s", d.Path)
	}
	if len(plan.Devices) > 0 {
		for _, l := range devLinks {
			s.add(birth.Step{Op: birth.Link, S: []string{l[0], l[1]}}, "make the link %s", l[1])
		}
	}
	for _, p := range plan.Masked {
		s.add(birth.Step{Op: birth.Mask, S: []string{path.Clean(p)}}, "hide %s", p)
	}
	for _, p := range plan.Readonly {
		s.add(birth.Step{Op: birth.Readonly, S: []string{path.Clean(p)}}, "keep %s from being written", p)
	}
	if plan.RootFS != "" {
		s.add(birth.Step{Op: birth.Pivot}, "change the root to %s", plan.RootFS)
	}
}

// trees are what bind mounts show, by their mounts' indices: the number of the tree from 1, or 0.
func (s *steps) trees(plan *isolators.Plan) []uint64 {
	numbers, n := make([]uint64, len(plan.Mounts)), uint64(0)
	for i, m := range plan.Mounts {
		if m.Type != "bind" && m.Flags&unix.MS_BIND == 0 || m.Flags&unix.MS_REMOUNT != 0 {
			continue
		}
		n++
		numbers[i] = n
		var bits uint64
		if m.Optional {
			bits = birth.Optional
		}
		s.add(birth.Step{Op: birth.Tree, S: []string{m.Source, m.From}, N: []uint64{uint64(m.Flags), uint64(m.Propagation), bits}}, "%s", mountWords(m))
	}
	return numbers
}

// ownKeyring: it has one from before it entered a user namespace.
func ownKeyring(plan *isolators.Plan) bool { return otherUsers(plan) && os.Geteuid() == 0 }

// devLinks are what programs expect in /dev besides devices.
var devLinks = [][2]string{
	{"/proc/self/fd", "/dev/fd"},
	{"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"},
	{"pts/ptmx", "/dev/ptmx"},
}

func mountWords(m isolators.Mount) string {
	switch {
	case m.Flags&unix.MS_REMOUNT != 0, m.Type == "" && m.Source == "":
		return "change the mount at " + m.Target
	case m.From != "":
		return fmt.Sprintf("mount %s of %s on %s", m.Source, m.From, m.Target)
	case m.Source == "" || m.Source == m.Type:
		return fmt.Sprintf("mount %s on %s", m.Type, m.Target)
	}
	return fmt.Sprintf("mount %s on %s", m.Source, m.Target)
}

// program is the last step, with every place where the program may be.
func (s *steps) program(plan *isolators.Plan) {
	argv := plan.Argv
	if len(argv) == 0 {
		argv = []string{plan.Path}
	}
	places := candidates(plan.Path, plan.Env)
	all := slices.Concat(places, argv, plan.Env)
	s.add(birth.Step{Op: birth.Exec, S: all, N: []uint64{uint64(len(places)), uint64(len(argv))}}, "run %s", plan.Path)
}

// candidates for a program: itself, or without a slash all that the last PATH of the environment says.
func candidates(program string, env []string) []string {
	if strings.Contains(program, "/") {
		return []string{program}
	}
	value := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			value = v
		}
	}
	var all []string
	for _, dir := range strings.Split(value, ":") {
		if dir == "" {
			dir = "."
		}
		all = append(all, dir+"/"+program)
	}
	return all
}

// Package exam is what every isolator has to pass, with real processes on a real kernel: the life of a container from its
// preparation to its end, two at once, a cleanup twice, without a preparation and after half of one, the restart of the
// agent, a change of limits while it runs, a container in a container, and what strangers may ask for. Before and after
// everything is counted that an isolator could leave behind: groups, mounts, descriptors, links, files and goroutines.
//
// A test hands an isolator over in a few lines, and adds what is special about it:
//
//	exam.Take(t, exam.Case{
//		Builder: pids.Builder,
//		Needs:   []exam.Need{exam.Root, exam.Controller("pids")},
//		Running: func(t *testing.T, x *exam.Box) { … },
//	})
package exam

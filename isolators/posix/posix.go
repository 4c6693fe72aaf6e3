// Package posix has the isolators posix/cpu and posix/mem, which isolate nothing: naming them says that containers are measured by
// adding up their processes, as in Mesos. The launchers do that for everything that no other isolator has measured.
package posix

import "github.com/meseta-io/meseta/isolators"

// Isolator is posix/cpu or posix/mem.
type Isolator struct {
	isolators.Nothing
	name string
}

// Name implements isolators.Isolator.
func (i Isolator) Name() string { return i.name }

// Builders are those of both. "process" is Mesos' old name for the two.
func Builders() (all []isolators.Builder) {
	for _, name := range []string{"posix/cpu", "posix/mem"} {
		all = append(all, isolators.Builder{Names: []string{name, "process"}, New: func(isolators.Settings) (isolators.Isolator, error) {
			return Isolator{name: name}, nil
		}})
	}
	return all
}

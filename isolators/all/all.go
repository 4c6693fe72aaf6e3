// Package all knows every isolator by Mesos' names, in the order in which they work.
package all

import (
	"slices"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/accounting"
	"github.com/meseta-io/meseta/isolators/capabilities"
	"github.com/meseta-io/meseta/isolators/cgroups"
	"github.com/meseta-io/meseta/isolators/network/cni"
	"github.com/meseta-io/meseta/isolators/network/ports"
	"github.com/meseta-io/meseta/isolators/posix"
	"github.com/meseta-io/meseta/isolators/privileges"
	"github.com/meseta-io/meseta/isolators/rlimits"
	"github.com/meseta-io/meseta/isolators/seccomp"
)

// Builders are those of all isolators. Groups of processes come first, because what follows rests on them; then what counts,
// what separates, what is seen of the machine, and at last what the first process itself may do.
func Builders() []isolators.Builder {
	return slices.Concat(groups(), posix.Builders(), counting, separating, files, networks, hidden, rights)
}

// The kinds, each in its order. Whoever adds an isolator adds a row here.
var (
	// groups make the control group and its limits.
	groups = cgroups.Builders
	// counting measures.
	counting = []isolators.Builder{accounting.Builder, accounting.PortsBuilder}
	// networks are interfaces, addresses and ports.
	networks = []isolators.Builder{cni.Builder, ports.Builder}
	// rights are capabilities, limits of processes and system calls.
	rights = []isolators.Builder{capabilities.Builder, rlimits.Builder, privileges.Builder, seccomp.Builder}
)

// Package cgroups gives every container control groups of its own, and makes of them Mesos' isolators whose names begin with
// "cgroups/".
//
// The groups of a container lie below the agent's own group in each hierarchy that is used, nested like the containers:
//
//	<own>/<cgroups_root>/<container>                     what it is held to: limits and weights
//	<own>/<cgroups_root>/<container>/leaf                where its processes are, in version 2
//	<own>/<cgroups_root>/<container>/mesos/<nested>      the same for a container in it
//
// One of them is the container's home: it is there for every container, whichever isolators are used, and whoever is in it
// or below it is killed when the container ends. The home is in the hierarchy of version 2 wherever there is one, even one
// without any controller, because a process can be born there, it can be killed at a stroke, and eBPF knows it by its
// number; else it is in the freezer's.
//
// Where a container's groups are is written into its state directory before they are made. So an agent that was started anew
// from another group finds them. What no record tells of is recognised by a mark on its directory: several agents may
// live on one machine, and none touches what is another's.
//
// Package hierarchy knows the files; this one knows containers.
package cgroups

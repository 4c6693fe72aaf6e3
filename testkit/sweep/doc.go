// Package sweep sends whole clusters through bad weather, one for each seed, and checks what Meseta promises.
//
// A Run has a master, agents with simulated machines, and frameworks written with the production scheduler
// library that have jobs to get done. For some virtual minutes there is a Storm: connections reset, nodes are cut
// off, masters, agents and frameworks crash and come back, machines lose their power, an operator gives an agent
// up. Then the weather clears, and everything has to be in order within a bound.
//
// Each promise has a checker of its own, in a file of its own. A checker only watches: messages on the wire,
// processes on the machines, the registry, and what frameworks are told. Each is shown in the tests to fail on an
// actor, a transport or a program that is broken on purpose.
package sweep

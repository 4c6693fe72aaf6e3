// Package accounting knows what each container used, from the kernel's own mouth: programs in the kernel count while a container runs,
// and one read fetches the counters of all of them. It has two isolators:
//
//   - ebpf/accounting: processor time, the wait for a processor, context switches, page faults, kills for want of memory, processes;
//     packets, connections, retransmits and round trips; bytes, operations and latencies of block devices;
//   - ebpf/ports: a bind to a port that the container was not given is refused.
//
// The programs are in package bpf. They know a container by the id of its control group in the unified hierarchy, which the chain made before
// (Plan.Cgroup), so that it is counted from its first instruction on, and so is what it nests, each by itself; a parent's numbers are
// its own and those of all that was ever nested in it.
//
// While there are containers, maps and programs are pinned in a bpf file system: below /sys/fs/bpf where one is mounted, else in one of
// our own in the runtime directory. An agent that is restarted, or killed, goes on with the same counters. With the last container
// everything goes: a machine without containers pays nothing and keeps nothing. Another version of the programs takes over the
// counters of the one before.
//
// Programs that this kernel cannot run are left out, and it is said once which numbers are missing because of that.
package accounting

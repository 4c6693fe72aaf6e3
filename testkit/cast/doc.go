// Package cast puts the players of a Mesos cluster on the stage of a testkit.World: masters, agents with simulated
// machines below them, and frameworks that a test speaks for. The master, the agent, the registrar, the
// allocator and the scheduler library are the production ones; only their edges are played:
//
//   - the agent's disk is the testkit.Disk of its node,
//   - its containerizer.Launcher starts processes on a Machine, which outlive the agent; a shell of a few words
//     ("sleep 2; exit 3") runs the commands of tasks in virtual time,
//   - leadership and registry are a cluster/memory.Cluster, which outlives the masters; or, with World.OverConsul, cluster/consul
//     over testkit/consul;
//
// A story then reads:
//
//	w := cast.New(t, testkit.Seed(7))
//	m := w.Master("m1")
//	a := w.Agent("a1", "cpus:4;mem:4096")
//	f := w.Framework("f1")
//	o := f.ExpectOffer(a, "cpus:4;mem:4096")
//	f.Launch(o, "t1", "cpus:1;mem:64", "sleep 10")
//	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_RUNNING))
//	w.Cut(m, a)
//	…
package cast

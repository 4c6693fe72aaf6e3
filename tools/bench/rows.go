package main

// The rooms that are measured.
const (
	runtimeRoom   = "actors/process"
	remoteRoom    = "actors/process/remote"
	testkitRoom   = "testkit"
	allocatorRoom = "actors/allocator/drf"
	wireRoom      = "messages/wire"
	masterRoom    = "actors/master"
	gatewayRoom   = "actors/gateway"
	commandRoom   = "cmd/meseta"
	detectorRoom  = "actors/detector"
	containerRoom = "actors/containerizer/linux"
	launchRoom    = "isolators/launch"
	accountRoom   = "isolators/accounting"
)

const once = 1 // the metric is shown as the benchmark reports it

// rows are the budgets in the order of the table. "Mesos" is what Apache Mesos 1.12-dev, built with -O2, needed
// on a two-core machine, or what its own posts published (marked "pub.").
var rows = []Row{
	{What: "message, process to process", Mesos: "2.9 M/s", Package: runtimeRoom, Benchmark: "BenchmarkSend/senders=1", Unit: "msgs/s", Scale: 1e-6, Shown: "M/s", Bound: 8, Floor: true},
	{What: "ping-pong, one hop", Package: runtimeRoom, Benchmark: "BenchmarkPingPong", Unit: "ns/op", Scale: 1e-3, Shown: "µs", Bound: 0.3},
	{What: "spawn", Mesos: "6.2 µs", Package: runtimeRoom, Benchmark: "BenchmarkSpawn", Unit: "ns/op", Scale: 1e-3, Shown: "µs", Bound: 2.5},
	{What: "memory of a process", Package: runtimeRoom, Benchmark: "BenchmarkSpawn", Unit: "kept-B/op", Scale: once, Shown: "B", Bound: 1024},
	{What: "two OS processes, one way, 3 B", Mesos: "64 k/s", Package: remoteRoom, Benchmark: "BenchmarkOneWay/bytes=3", Unit: "msgs/s", Scale: 1e-3, Shown: "k/s", Bound: 400, Floor: true},
	{What: "two OS processes, one way, 10 KiB", Mesos: "31 k/s", Package: remoteRoom, Benchmark: "BenchmarkOneWay/bytes=10240", Unit: "msgs/s", Scale: 1e-3, Shown: "k/s", Bound: 100, Floor: true},
	{What: "two OS processes, round trip", Mesos: "130 µs", Package: remoteRoom, Benchmark: "BenchmarkRoundTrip", Unit: "µs/rtt", Scale: once, Shown: "µs", Bound: 80},

	{What: "testkit, local steps", Package: testkitRoom, Benchmark: "BenchmarkLocalSteps", Unit: "steps/s", Scale: 1e-6, Shown: "M/s", Bound: 1, Floor: true},
	{What: "testkit, network steps", Package: testkitRoom, Benchmark: "BenchmarkNetworkSteps", Unit: "steps/s", Scale: 1e-6, Shown: "M/s", Bound: 0.3, Floor: true},
	{What: "testkit, 1,000 agents", Package: testkitRoom, Benchmark: "BenchmarkThousandAgents", Unit: "×realtime", Scale: once, Shown: "× real time", Bound: 30, Floor: true},

	{What: "allocator: add 5,000 agents, 200 frameworks", Mesos: "421 ms", Package: allocatorRoom, Benchmark: "BenchmarkAddAgents/5000x200,_one_run", Unit: "add-ms", Scale: once, Shown: "ms", Bound: 30},
	{What: "allocator: all refused, 1,000 × 200", Mesos: "1,170 ms", Package: allocatorRoom, Benchmark: "BenchmarkEverythingRefused/1000x200", Unit: "refused-ms", Scale: once, Shown: "ms", Bound: 1},
	{What: "— everything forgotten first", Package: allocatorRoom, Benchmark: "BenchmarkEverythingRefused/1000x200", Unit: "forgotten-ms", Scale: once, Shown: "ms", Bound: 10},
	{What: "allocator: all refused, 5,000 × 50", Mesos: "1,659 ms", Package: allocatorRoom, Benchmark: "BenchmarkEverythingRefused/5000x50", Unit: "refused-ms", Scale: once, Shown: "ms", Bound: 1},
	{What: "— everything forgotten first", Package: allocatorRoom, Benchmark: "BenchmarkEverythingRefused/5000x50", Unit: "forgotten-ms", Scale: once, Shown: "ms", Bound: 10},
	{What: "allocator: full run, 10,000 × 1,000", Mesos: "1.1 s pub.", Package: allocatorRoom, Benchmark: "BenchmarkFullRun/10000x1000", Unit: "full-ms", Scale: once, Shown: "ms", Bound: 30},
	{What: "— 1 % changed", Package: allocatorRoom, Benchmark: "BenchmarkFullRun/10000x1000", Unit: "changed-ms", Scale: once, Shown: "ms", Bound: 0.5},
	{What: "allocator: full run, 20,000 × 2,000", Mesos: "3.8 s pub.", Package: allocatorRoom, Benchmark: "BenchmarkFullRun/20000x2000", Unit: "full-ms", Scale: once, Shown: "ms", Bound: 60},
	{What: "— 1 % changed", Package: allocatorRoom, Benchmark: "BenchmarkFullRun/20000x2000", Unit: "changed-ms", Scale: once, Shown: "ms", Bound: 0.5},
	{What: "allocator: 3,000 agents and quota roles, add frameworks", Mesos: "16.0 s", Package: allocatorRoom, Benchmark: "BenchmarkQuota/3000_agents,_3000_roles", Unit: "add-ms", Scale: once, Shown: "ms", Bound: 120},
	{What: "— allocate", Mesos: "10.6 s", Package: allocatorRoom, Benchmark: "BenchmarkQuota/3000_agents,_3000_roles", Unit: "allocate-ms", Scale: once, Shown: "ms", Bound: 20},
	{What: "allocator: full run, 100,000 × 100", Package: allocatorRoom, Benchmark: "BenchmarkFullRun/100000x100", Unit: "full-ms", Scale: once, Shown: "ms", Bound: 250},
	{What: "allocator: why, over 50,000 agents", Package: allocatorRoom, Benchmark: "BenchmarkWhy", Unit: "ns/op", Scale: 1e-6, Shown: "ms", Bound: 10},

	{What: "20,000 agents with 100,000 tasks re-register", Mesos: "5.1 s", Package: masterRoom, Benchmark: "BenchmarkReregister", Unit: "all-back-ms", Scale: 1e-3, Shown: "s", Bound: 1.5},
	{What: "10,000 agents return to a new leader, with production's waits", Package: masterRoom, Benchmark: "BenchmarkFailoverOfTenThousand", Unit: "all-back-ms", Scale: 1e-3, Shown: "s", Bound: 5},
	{What: "— and are offered", Package: masterRoom, Benchmark: "BenchmarkFailoverOfTenThousand", Unit: "all-offered-ms", Scale: 1e-3, Shown: "s", Bound: 5},

	{What: "10,000 who ask learn of a new leader", Package: detectorRoom, Benchmark: "BenchmarkFollowers", Unit: "ns/op", Scale: 1e-6, Shown: "ms", Bound: 500},
	{What: "master failover until offers flow, told to end", Package: commandRoom, Benchmark: "BenchmarkMasterFailover/SIGTERM", Unit: "ns/op", Scale: 1e-6, Shown: "ms", Bound: 200},
	{What: "— killed, with Consul's health check", Package: commandRoom, Benchmark: "BenchmarkMasterFailover/kill_with_check", Unit: "ns/op", Scale: 1e-9, Shown: "s", Bound: 3},
	{What: "— killed, with default settings", Package: commandRoom, Benchmark: "BenchmarkMasterFailover/kill", Unit: "ns/op", Scale: 1e-9, Shown: "s", Bound: 25},

	{What: "`/state`, 10,000 agents, 200,000 tasks", Mesos: "2.2 s", Package: gatewayRoom, Benchmark: "BenchmarkState/old", Unit: "ns/op", Scale: 1e-9, Shown: "s", Bound: 0.5},
	{What: "—— when nothing of it is kept", Package: gatewayRoom, Benchmark: "BenchmarkState/old-first", Unit: "ns/op", Scale: 1e-9, Shown: "s", Bound: 0.5},
	{What: "— v1 GET_STATE, protobuf", Mesos: "0.9 s", Package: gatewayRoom, Benchmark: "BenchmarkState/protobuf", Unit: "ns/op", Scale: 1e-9, Shown: "s", Bound: 0.3},
	{What: "—— when nothing of it is kept", Package: gatewayRoom, Benchmark: "BenchmarkState/protobuf-first", Unit: "ns/op", Scale: 1e-9, Shown: "s", Bound: 0.3},
	{What: "— v1 GET_STATE, JSON", Mesos: "3.1 s", Package: gatewayRoom, Benchmark: "BenchmarkState/JSON", Unit: "ns/op", Scale: 1e-9, Shown: "s", Bound: 0.5},
	{What: "—— when nothing of it is kept", Package: gatewayRoom, Benchmark: "BenchmarkState/JSON-first", Unit: "ns/op", Scale: 1e-9, Shown: "s", Bound: 0.5},
	{What: "— `/health` while `/state` is hammered, 99th of 100", Mesos: "327 ms", Package: gatewayRoom, Benchmark: "BenchmarkState/health", Unit: "p99-ms", Scale: once, Shown: "ms", Bound: 5},

	{What: "Mesos JSON, written", Package: wireRoom, Benchmark: "BenchmarkEncodeJSON", Unit: "MB/s", Scale: once, Shown: "MB/s", Bound: 100, Floor: true},
	{What: "Mesos JSON, read", Package: wireRoom, Benchmark: "BenchmarkDecodeJSON", Unit: "MB/s", Scale: once, Shown: "MB/s", Bound: 100, Floor: true},

	{What: "`meseta run -- true`, shell to exit", Mesos: "603 ms", Package: commandRoom, Benchmark: "BenchmarkRunTrue", Unit: "ns/op", Scale: 1e-6, Shown: "ms", Bound: 120},
	{What: "launch to RUNNING at the framework", Mesos: "97 ms", Package: commandRoom, Benchmark: "BenchmarkLaunch", Unit: "ms-to-running", Scale: once, Shown: "ms", Bound: 20},
	{What: "200 one-command tasks on one agent", Mesos: "26 tasks/s", Package: commandRoom, Benchmark: "BenchmarkLaunch", Unit: "tasks/s", Scale: once, Shown: "tasks/s", Bound: 150, Floor: true},
	{What: "agent with 200 containers, start to member", Package: commandRoom, Benchmark: "BenchmarkAgentRestart", Unit: "ns/op", Scale: 1e-9, Shown: "s", Bound: 2},
	{What: "idle master, resident", Mesos: "34 MB", Package: commandRoom, Benchmark: "BenchmarkIdle", Unit: "master-MB", Scale: once, Shown: "MB", Bound: 60},
	{What: "idle agent, resident", Mesos: "41 MB", Package: commandRoom, Benchmark: "BenchmarkIdle", Unit: "agent-MB", Scale: once, Shown: "MB", Bound: 40},

	{What: "launch of a container that does nothing, times fork and exec", Package: launchRoom, Benchmark: "BenchmarkTimesForkExec", Unit: "×fork/exec", Scale: once, Shown: "×", Bound: 10},
	{What: "1,000 containers launched and destroyed, all alive at once", Mesos: "33/s pub.", Package: containerRoom, Benchmark: "BenchmarkContainers", Unit: "launched+destroyed/s", Scale: once, Shown: "containers/s", Bound: 200, Floor: true},
	{What: "— statistics of all of them", Package: containerRoom, Benchmark: "BenchmarkContainers", Unit: "ms/measure-all", Scale: once, Shown: "ms", Bound: 10},
	{What: "eBPF accounting in the worst case, a ping-pong through pipes, times without", Package: accountRoom, Benchmark: "BenchmarkPingPong", Unit: "ratio-median", Scale: once, Shown: "×", Bound: 1.15},
}

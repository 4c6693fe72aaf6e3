package cast

import (
	"fmt"
	"syscall"
	"time"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/fetcher"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

// Machine has processes that outlive whoever started them: the executors and commands of an agent. It is a
// node's neighbourhood rather than the node, because a node is one operating-system process, the agent's.
type Machine struct {
	// OnStart and OnEnd, if set, are called for every process.
	OnStart, OnEnd func(p *Process)
	// OnFetch, if set, says how long a fetch takes and how it ends. Without it everything is there after a millisecond.
	OnFetch func(r fetcher.Request) (takes time.Duration, err error)
	// OnUpdate, if set, is asked before what a container may use is changed.
	OnUpdate func(p *Process, resources []*mesospb.Resource, limits map[string]float64) error
	// DiskUsed is the share of the disk that is used.
	DiskUsed float64

	node      *testkit.Node
	programs  map[string]Program
	processes []*Process // by pid, from 1; the ended ones stay
	boots     int
	started   int // nodes for processes, ever
}

// Program is what a simulated process does, called when it starts. It must end by Process.Exit, now or later.
type Program func(p *Process)

// Process is one simulated process.
type Process struct {
	Machine *Machine
	PID     int
	Spec    containerizer.Spec
	// Parent is 0 for what the agent started.
	Parent int
	// Node is the process's own node, if its program asked for one with Listen.
	Node *testkit.Node

	agentLife int // which life of the agent is its parent
	began     time.Duration
	ended     bool
	exit      containerizer.Exit
	broken    *isolators.Limitation // what its container has done
	status    *mesospb.ContainerStatus
	signals   func(syscall.Signal) bool
	waits     []*wait
}

type wait struct {
	p         *Process
	life      int
	done      func(containerizer.Exit, error)
	cancelled bool
}

func newMachine(n *testkit.Node) *Machine {
	return &Machine{node: n, boots: 1, programs: map[string]Program{"sh": shell, ExecutorProgram: commandExecutor}}
}

// Program sets what runs under the given name, the last part of a path.
func (m *Machine) Program(name string, p Program) { m.programs[name] = p }

// Running are the living processes, by pid.
func (m *Machine) Running() []*Process {
	var living []*Process
	for _, p := range m.processes {
		if !p.ended {
			living = append(living, p)
		}
	}
	return living
}

// powerOff ends every process without a word.
func (m *Machine) powerOff() {
	m.boots++
	for _, p := range m.processes {
		p.waits = nil
		if p.ended {
			continue
		}
		p.ended = true
		if p.Node != nil {
			p.Node.PowerOff()
		}
		if m.OnEnd != nil {
			m.OnEnd(p)
		}
	}
}

func (m *Machine) start(spec containerizer.Spec, parent, life int, program Program) *Process {
	p := &Process{Machine: m, PID: len(m.processes) + 1, Spec: spec, Parent: parent, agentLife: life, began: m.node.World().Elapsed()}
	m.processes = append(m.processes, p)
	if m.OnStart != nil {
		m.OnStart(p)
	}
	program(p)
	return p
}

// World is where the process is.
func (p *Process) World() *testkit.World { return p.Machine.node.World() }

// Getenv reads the process's environment; later entries win.
func (p *Process) Getenv(name string) string {
	value := ""
	for _, e := range p.Spec.Env {
		if len(e) > len(name) && e[:len(name)] == name && e[len(name)] == '=' {
			value = e[len(name)+1:]
		}
	}
	return value
}

// Listen gives the process a node of its own, so that it can have actors. The process ends with the node.
func (p *Process) Listen(boot func(n *testkit.Node)) {
	m := p.Machine
	m.started++
	name := fmt.Sprintf("%s-%d", m.node.Name(), p.PID)
	host := m.node.Name()
	p.Node = p.World().Node(name, testkit.Address(fmt.Sprintf("%s:%d", host, 40000+m.started)),
		testkit.Mortal(func(*testkit.Node, processUPID, any) { p.end(signalled(syscall.SIGABRT)) }),
		testkit.Boot(boot))
}

// OnSignal lets the process catch signals: f says whether it took the signal. SIGKILL is never asked about.
func (p *Process) OnSignal(f func(syscall.Signal) bool) { p.signals = f }

// Status is how the process ended; 0 before, and when its machine lost its power.
func (p *Process) Status() syscall.WaitStatus { return p.exit.Status }

// Ended reports whether the process has ended.
func (p *Process) Ended() bool { return p.ended }

// Exit ends the process with a status.
func (p *Process) Exit(status int) { p.end(syscall.WaitStatus(status << 8)) }

// Kill sends a signal.
func (p *Process) Kill(sig syscall.Signal) {
	if p.ended || sig != syscall.SIGKILL && p.signals != nil && p.signals(sig) {
		return
	}
	p.end(signalled(sig))
}

func signalled(sig syscall.Signal) syscall.WaitStatus { return syscall.WaitStatus(sig) }

func (p *Process) end(status syscall.WaitStatus) {
	if p.ended {
		return
	}
	w := p.World()
	p.ended = true
	p.exit = containerizer.Exit{Status: status, Known: true, CPU: (w.Elapsed() - p.began) / 100, PeakMemory: 1 << 20}
	if p.Node != nil {
		p.Node.Crash()
	}
	if p.Machine.OnEnd != nil {
		p.Machine.OnEnd(p)
	}
	waits := p.waits
	p.waits = nil
	for _, x := range waits {
		x.tell()
	}
}

// tell answers a wait; only a parent learns the status.
func (x *wait) tell() {
	if x.cancelled {
		return
	}
	x.cancelled = true
	exit := x.p.exit
	if x.life != x.p.agentLife {
		exit = containerizer.Exit{}
	}
	exit.Limitation = x.p.broken // a launcher asks before it tells
	x.done(exit, nil)
}

// descendants are the living processes below p, and p itself if it lives.
func (p *Process) descendants() []*Process {
	family := map[int]bool{p.PID: true}
	var living []*Process
	for _, q := range p.Machine.processes {
		// A child has a larger pid than its parent, so one pass is enough.
		if family[q.Parent] {
			family[q.PID] = true
		}
		if family[q.PID] && !q.ended {
			living = append(living, q)
		}
	}
	return living
}

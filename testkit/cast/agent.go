package cast

import (
	"fmt"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/testkit"
)

// Agent is an agent on a node of its own, with all methods of a testkit.Node, and a machine below it.
type Agent struct {
	*node
	// Config is what the agent starts with, the next time too.
	Config agent.Config
	// Parts changes what the agent is made of the next time.
	Parts func(*agent.Parts)
	// Machine runs the agent's executors.
	Machine *Machine
	// Endings are what the agent said when it ended by itself: nil when it was told to.
	Endings []error
}

// Agent starts an agent with resources such as "cpus:4;mem:4096". Its host name is the node's name.
func (w *World) Agent(name, resources string, change ...func(*agent.Config)) *Agent {
	w.T().Helper()
	a := &Agent{Config: agent.Default()}
	a.Config.WorkDir, a.Config.Hostname, a.Config.Resources = workDir, name, resources
	a.Config.Executor = []string{ExecutorProgram}
	for _, f := range change {
		f(&a.Config)
	}
	w.agents = append(w.agents, a)
	a.node = w.Node(name, testkit.Address(name+":5051"), testkit.Boot(func(n *testkit.Node) { a.boot(w, n) }))
	return a
}

func (a *Agent) boot(w *World, n *testkit.Node) {
	if a.Machine == nil {
		a.Machine = newMachine(n)
	}
	life := n.Lives()
	credential, err := credentials.ParseOne([]byte(w.Files[a.Config.Credential]))
	if err != nil {
		w.Fail("agent %s: %v", a.Config.Hostname, err)
	}
	parts := agent.Parts{
		Detector:   w.Detector(n),
		Launcher:   launcher{machine: a.Machine, life: life},
		Disk:       disk{n.Disk(), a.Machine},
		Fetcher:    courier{a.Machine},
		Credential: credential,
		Tracer:     w.Tracer,
		Machine:    agent.Machine{BootID: fmt.Sprintf("boot-%d", a.Machine.boots)},
		Ended: func(err error) {
			a.Endings = append(a.Endings, err)
			// Its operating-system process ends with it.
			w.At(0, func() {
				if n.Up() && n.Lives() == life {
					n.Crash()
				}
			})
		},
	}
	if a.Parts != nil {
		a.Parts(&parts)
	}
	if _, err = agent.Spawn(n.Runtime(), a.Config, parts); err != nil {
		w.Fail("agent %s does not start: %v", a.Config.Hostname, err)
	}
}

// UPID is the agent's actor.
func (a *Agent) UPID() process.UPID { return a.node.UPID(a.Config.ID) }

// PowerOff ends the whole machine, executors and tasks included.
func (a *Agent) PowerOff() {
	a.Machine.powerOff()
	a.node.PowerOff()
}

// ID is the agent's id, "" as long as it has none.
func (a *Agent) ID() string {
	for _, f := range a.Disk().List("meta/slaves") {
		if f.Link != "" {
			return f.Link
		}
	}
	return ""
}

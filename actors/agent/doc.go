// Package agent is the actor that stands for one machine: it offers the machine's resources to the master,
// starts executors in sandboxes, hands them their tasks, and carries status updates to the master until each is
// acknowledged. Everything that must survive the agent's own process is written to disk before anybody hears of
// it, so an agent that is killed and started again finds its executors running and loses nothing.
//
// It leaves the processes themselves to a containerizer.Launcher, files to a Disk, and the choice of the master
// to a cluster.Detector.
package agent

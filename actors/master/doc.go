// Package master is the one who decides: which agents belong to the cluster, which frameworks may use it,
// what is offered to whom, and what becomes of every task.
//
// It persists through the registrar before it speaks, asks the allocator what to offer, and is led by
// cluster's interfaces. All state is memory of one actor, rebuilt after a failover from the registry and from
// what agents report. Each noun has its file; what is said of a task, an offer or a framework is decided by
// plain functions, which the actor strings together.
//
// Reading never queues behind deciding: after each batch of messages the master hands an immutable view to
// the operator desk, which answers all questions from it.
package master

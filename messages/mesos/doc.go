// Package mesos stands above the packages of Apache Mesos' public v1 API, which are generated from the .proto files in v1/:
//
//	mesospb             what everybody shares: tasks, offers, resources, agents, containers
//	schedulerpb         calls and events between a framework's scheduler and the master
//	executorpb          calls and events between an executor and its agent
//	masterpb, agentpb   the operator API of the two
//	maintenancepb, quotapb, allocatorpb, resourceproviderpb   the rest
//
// Names, numbers, types and defaults are those of Mesos 1.12, so that bytes and JSON are understood on both sides; a test
// holds them against tables taken from the original's descriptors. The comments are ours.
//
// The package itself is empty. To regenerate the others: go run ./tools/protogen.
package mesos

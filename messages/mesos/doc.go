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
// To regenerate them: go run ./tools/protogen.
package mesos

// Version is the version of Mesos whose API we speak, and what masters and agents say of themselves: clients choose by it
// what they may ask for, and some refuse to work with what looks older. See docs/decisions/0013-version.md.
const Version = "1.12.0"

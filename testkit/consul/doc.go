// Package consul is a model of Consul for simulated clusters: what cluster/consul asks of the real one, as a service in a testkit.World.
//
// A Store is what Consul's servers agree about: keys, locks, sessions that end twice their TTL after the last renewal, lock
// delays, transactions and indexes. It takes the same requests as a real Consul and says the same, error texts included,
// as far as cluster/consul uses it; a test compares the two.
//
// Servers are one or three nodes of a world that serve one Store. They can be paused, crashed, cut off and restarted like all nodes:
// without a majority nobody serves; another leader takes two to three seconds to be elected and starts every session's
// time again; a stopped server finds in its sockets what was asked meanwhile. Answers can be slow, and writes made twice. Wipe loses everything, as an operator does who restores
// nothing.
//
// Not modelled: reads that are stale because a server has not yet noticed that it does not lead any more, and health checks.
package consul

// Package remote is the transport between runtimes over Proto.Actor's remote protocol: its gRPC service, its
// messages, its batches. A plain Proto.Actor node can be talked to and can talk to us.
//
// The endpoints are our own, though. Proto.Actor's EndpointManager sleeps for seconds after a refused dial,
// queues without bound, loses a batch that is too large without a word, and lets any peer crash the receiving
// process with a type it does not know, stop its actors, or make it forward messages to itself for ever. Here:
//
//   - each peer has one outbox, bounded by messages and bytes; what does not fit is dropped and counted;
//   - everything that comes in passes a guard that cannot panic, takes no system message of Proto.Actor and no
//     type that this program does not know, delivers only to processes here, whatever the sender calls our
//     address, and believes a sender's address only if it is the one that the peer introduced itself with;
//   - a refused connection or a killed peer is noticed at once, a silent one after Keepalive plus KeepaliveTimeout;
//   - with TLS set, both sides prove who they are, and the address that a peer speaks for must be in its
//     certificate.
//
// One connection carries each direction, as in Proto.Actor. A peer that connects again under the same address
// replaces its older connection, so messages of two connections are never mixed.
package remote

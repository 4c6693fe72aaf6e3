// Package clients has no code of its own. Its tests run frameworks that others wrote for Mesos against Meseta, in real
// processes, to their end: the npm package mesos-framework (npm), and the examples of mesos-go (mesosgo, a Go module apart,
// so that what it needs stays out of ours). The versions are pinned in the lock files, and fetched when a test runs.
package clients

// Package hierarchy knows the trees of control groups on this machine, versions 1 and 2 and both at once, and what can be
// done to one group in them: make it, put processes in, read and write its files, freeze it, kill everything in it,
// remove it.
//
// Whatever it finds is below the group that this process is in itself: an agent that somebody put into a group, with a
// ceiling for all that it does, must not lead its containers out of there.
//
// It knows nothing of containers; package cgroups does.
package hierarchy

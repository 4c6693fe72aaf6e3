// Package birth is what happens in a container's first process between its birth and its program: the agent's own binary,
// started again, takes its steps through a pipe, does them in order, and becomes the program.
//
// It takes the process over in an init function, long before main. Packages are initialised by import path as soon as what
// they import is ready; this one imports nothing but syscall and unsafe, so that it comes before everything else that a binary
// of ours is made of, and a launch pays for none of it. That is why it has errors, numbers and formats of its own instead of
// those of fmt, os and golang.org/x/sys. Nothing here may import more (TestNothingElseIsInitialised).
//
// Everything happens in the main thread, to which the runtime binds init functions: namespaces, credentials and capabilities
// belong to threads, and execve(2) takes those of the thread that calls it.
//
// What a container could do by setting Marker itself: start a program of ours that it has, with steps of its own, with
// no right that it had not before.
package birth

// Package seccomp is the isolator linux/seccomp: which system calls a container may make. Profiles are those of Docker, read
// by Parse and made into a filter of classic BPF by Compile, in Go alone; numbers of system calls are in tables.txt, which is
// made from golang.org/x/sys.
//
// The built-in profile "default" is Docker's own (github.com/moby/profiles). A file of that name in --seccomp_config_dir is used
// instead.
package seccomp

// Package bpf has the programs that run in the kernel: their source in C, what clang makes of it, and the Go that
// bpf2go writes around that. It leaves loading, attaching and reading to package accounting.
//
// The objects are committed, so that building Meseta takes no clang, and are the same wherever clang 14 makes them; a test
// compares them where it is installed (Debian: clang-14, llvm-14, libbpf-dev).
package bpf

//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -target bpfel -type counters -type running -type ended -type old_group -type place -cflags "-O2 -g -Wall -mcpu=v3" Accounting accounting.bpf.c
//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -target bpfel -type allowed -type place -cflags "-O2 -g -Wall -mcpu=v3" Ports ports.bpf.c

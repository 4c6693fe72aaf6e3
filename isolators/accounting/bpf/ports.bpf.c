//go:build ignore

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Binds are refused to ports that a container was not given. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "level.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define DEEPEST 8

/* One bit for each port: however many ranges an offer has, a look is one load. */
struct allowed {
	u64 ports[1024];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct allowed);
} allowances SEC(".maps");

struct place {
	u64 netns; /* cookie of the machine's network namespace: elsewhere every port is the container's own */
	u32 level; /* of the groups of containers at the top */
	u32 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct place);
} places SEC(".maps");

static __always_inline int decide(struct bpf_sock_addr *ctx)
{
	u32 zero = 0, port = bpf_ntohs(ctx->user_port);
	u64 word;
	struct allowed *a;
	u64 id;
	struct place *p = bpf_map_lookup_elem(&places, &zero);
	if (!p || !p->level || !port) /* to port 0 the kernel gives one that is nobody's */
		return 1;
	if (bpf_get_netns_cookie(ctx) != p->netns)
		return 1;
	id = bpf_get_current_cgroup_id();
	a = bpf_map_lookup_elem(&allowances, &id);
#pragma unroll
	for (int i = DEEPEST - 1; i >= 0; i--) {
		if (!a) {
			id = bpf_get_current_ancestor_cgroup_id(p->level + i);
			a = bpf_map_lookup_elem(&allowances, &id);
		}
	}
	if (!a)
		return 1;
	word = port >> 6;
	asm volatile("" : "+r"(word)); /* or clang leaves out the check that the kernel's verifier wants to see (6.1) */
	if (word >= 1024)
		return 0;
	return a->ports[word] >> (port & 63) & 1;
}

SEC("cgroup/bind4")
int on_bind4(struct bpf_sock_addr *ctx)
{
	return decide(ctx);
}

SEC("cgroup/bind6")
int on_bind6(struct bpf_sock_addr *ctx)
{
	return decide(ctx);
}

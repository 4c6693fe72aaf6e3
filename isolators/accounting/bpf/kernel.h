/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What of the kernel the programs look at. Each structure has only the fields that are read; where they are in the running
 * kernel is looked up in its BTF when a program is loaded (CO-RE), so that no generated vmlinux.h of 3 MB is needed. */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef _Bool bool;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
};
enum { BPF_F_NO_PREALLOC = 1 };

#define CORE __attribute__((preserve_access_index))

struct kernfs_node {
	u64 id;
} CORE;
struct cgroup;
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
} CORE;
struct cgroup_root {
	int hierarchy_id;
} CORE;
struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
} CORE;
struct css_set {
	struct cgroup *dfl_cgrp;
} CORE;
struct sched_entity {
	u64 sum_exec_runtime, prev_sum_exec_runtime;
} CORE;
struct sched_info {
	unsigned long long run_delay;
} CORE;
struct task_struct {
	unsigned int __state;
	int pid, tgid, prio;
	u64 utime, stime;
	unsigned long min_flt, maj_flt;
	struct sched_entity se;
	struct sched_info sched_info;
	struct css_set *cgroups;
} CORE;

struct blkcg {
	struct cgroup_subsys_state css;
} CORE;
struct blkcg_gq {
	struct blkcg *blkcg;
} CORE;
struct bio {
	struct blkcg_gq *bi_blkg;
} CORE;
struct request {
	unsigned int cmd_flags;
	unsigned int __data_len;
	struct bio *bio;
} CORE;

struct sock_cgroup_data {
	struct cgroup *cgroup;
} CORE;
struct sock {
	u16 sk_protocol;
	struct sock_cgroup_data sk_cgrp_data;
} CORE;
struct inet_sock {
	struct sock sk;
} CORE;
struct inet_connection_sock {
	struct inet_sock icsk_inet;
} CORE;
struct tcp_sock {
	struct inet_connection_sock inet_conn;
} CORE;

/* What follows is the kernel's promise to programs (uapi/linux/bpf.h) and is where it is. */
struct bpf_sock;
struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority, ingress_ifindex, ifindex;
};
struct bpf_sock_ops {
	u32 op;
	u32 args[4];
	u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port, is_fullsock, snd_cwnd, srtt_us;
	u32 bpf_sock_ops_cb_flags, state, rtt_min, snd_ssthresh, rcv_nxt, snd_nxt, snd_una, mss_cache, ecn_flags, rate_delivered;
	u32 rate_interval_us, packets_out, retrans_out, total_retrans, segs_in, data_segs_in, segs_out, data_segs_out, lost_out;
	u32 sacked_out, sk_txhash;
	u64 bytes_received, bytes_acked;
	struct bpf_sock *sk;
};
struct bpf_sock_addr {
	u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol, msg_src_ip4, msg_src_ip6[4];
	struct bpf_sock *sk;
};
enum { BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB = 4, BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB = 5, BPF_SOCK_OPS_RTT_CB = 12 };
enum { BPF_SOCK_OPS_RTT_CB_FLAG = 1 << 3 };

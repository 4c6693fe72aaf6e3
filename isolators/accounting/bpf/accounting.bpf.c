//go:build ignore

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What containers use, counted where it happens: one entry for each container in a map keyed by the id of its control group
 * in the unified hierarchy. The agent makes the entries; what belongs to no container costs a comparison of levels, or one
 * look-up in vain. What happens in a group inside a container's belongs to the nearest group above that has an entry.
 *
 * Every number is exclusive: a nested container's is not in its parent's. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "level.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define SLOTS 20
#define DEEPEST 8
#define REAL_TIME 100 /* priorities below it are not of the fair scheduler */

struct counters {
	u64 cpu_ns, user_ns, system_ns; /* user and system are ticks: their proportion counts, not their sum */
	u64 wait_ns, voluntary, involuntary;
	u64 minor_faults, major_faults, oom_kills, started, ended;
	u64 rx_bytes, rx_packets, tx_bytes, tx_packets, egress_bytes;
	u64 connected, accepted, refused, closed, retransmits;
	u64 read_bytes, write_bytes, reads, writes, io_ns;
	u64 wait[SLOTS]; /* [0] below 2 us, each next one twice as long; the last one has no end */
	u64 io[SLOTS];   /* [0] below 16 us */
	u64 rtt[SLOTS];  /* [0] below 16 us */
};

/* What runs on a processor, as it was when it began to. */
struct running {
	u64 owner; /* container; 0: none */
	u64 since; /* CLOCK_MONOTONIC */
	u64 exec_ns, user_ns, system_ns, wait_ns, minor_faults, major_faults;
	u32 pid, unused;
};

struct request_start {
	u64 at, owner;
	u32 bytes, write;
};

/* A control group of an older hierarchy. */
struct old_group {
	u64 id, hierarchy;
};

/* Where the containers are. */
struct place {
	u32 level; /* of the groups in which containers at the top have their processes; 0: there are none yet */
	u32 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct counters);
} usage SEC(".maps");

/* What nested containers used that have ended, by parent; the agent alone writes here. */
struct ended {
	u64 last; /* the one that was added last, so that none is added twice */
	struct counters sum;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct ended);
} former SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct running);
} processors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct request_start);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct old_group);
	__type(value, u64);
} old_groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct place);
} places SEC(".maps");

static __always_inline u32 top(void)
{
	u32 zero = 0;
	struct place *p = bpf_map_lookup_elem(&places, &zero);
	return p ? p->level : 0;
}

/* slot is the base-2 logarithm of v, as far as there are slots. */
static __always_inline u32 slot(u64 v)
{
	u32 r = 0;
	if (v >> 32)
		return SLOTS - 1;
	if (v >> 16) { v >>= 16; r += 16; }
	if (v >> 8) { v >>= 8; r += 8; }
	if (v >> 4) { v >>= 4; r += 4; }
	if (v >> 2) { v >>= 2; r += 2; }
	if (v >> 1) r += 1;
	return r < SLOTS ? r : SLOTS - 1;
}

/* owner is the id of the container that a group belongs to; 0: none. For a group at the level of containers it is not looked
 * up: whoever uses the id does. */
static __always_inline u64 owner(struct cgroup *c)
{
	u32 level = top();
	if (!level || c->level < (int)level)
		return 0;
	if (c->level == (int)level)
		return c->kn->id;
	for (int i = 0; i < DEEPEST; i++) {
		u64 id = c->kn->id;
		if (bpf_map_lookup_elem(&usage, &id))
			return id;
		if (c->level <= (int)level)
			break;
		c = c->self.parent->cgroup;
	}
	return 0;
}

static __always_inline struct counters *of(u64 id)
{
	return id ? bpf_map_lookup_elem(&usage, &id) : 0;
}

static __always_inline struct counters *of_task(struct task_struct *t)
{
	return of(owner(t->cgroups->dfl_cgrp));
}

/* The whole accounting of processors: when a task leaves one, what it used since it came is the difference of the kernel's own
 * numbers. No program sees it wake up, because run_delay knows how long it waited. */
SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u32 zero = 0;
	struct counters *u;
	struct running *r = bpf_map_lookup_elem(&processors, &zero);
	if (!r)
		return 0;
	if (r->owner && r->pid == (u32)prev->pid) {
		u = of(r->owner);
		if (u) {
			u64 waited = prev->sched_info.run_delay - r->wait_ns;
			u->cpu_ns += prev->se.sum_exec_runtime - r->exec_ns;
			u->user_ns += prev->utime - r->user_ns;
			u->system_ns += prev->stime - r->system_ns;
			u->minor_faults += prev->min_flt - r->minor_faults;
			u->major_faults += prev->maj_flt - r->major_faults;
			if (preempt || prev->__state == 0)
				u->involuntary++;
			else
				u->voluntary++;
			if (waited) {
				u->wait_ns += waited;
				u->wait[slot(waited >> 10)]++;
			}
		}
	} else if (prev->prio >= REAL_TIME) {
		/* Nobody saw it come: when the program has just begun to look, and rarely besides (a switch away from certain threads of
		 * the machine's own is not traced here). The fair scheduler itself remembers what a task had used when it was picked. */
		u = of_task(prev);
		if (u) {
			u->cpu_ns += prev->se.sum_exec_runtime - prev->se.prev_sum_exec_runtime;
			u->involuntary++;
		}
	}
	r->owner = owner(next->cgroups->dfl_cgrp);
	if (r->owner) {
		r->since = bpf_ktime_get_ns();
		r->pid = next->pid;
		r->exec_ns = next->se.sum_exec_runtime;
		r->user_ns = next->utime;
		r->system_ns = next->stime;
		r->minor_faults = next->min_flt;
		r->major_faults = next->maj_flt;
		r->wait_ns = next->sched_info.run_delay;
	}
	return 0;
}

/* A process is its first thread. Where it was cloned to is where it counts, wherever its parent is. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct counters *u = child->pid == child->tgid ? of_task(child) : 0;
	if (u)
		u->started++;
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *t)
{
	struct counters *u = t->pid == t->tgid ? of_task(t) : 0;
	if (u)
		u->ended++;
	return 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(on_oom, struct task_struct *t)
{
	struct counters *u = of_task(t);
	if (u)
		u->oom_kills++;
	return 0;
}

/* of_packet: the group of a packet is that of its socket. */
static __always_inline struct counters *of_packet(struct __sk_buff *skb)
{
	struct counters *u = of(bpf_skb_cgroup_id(skb));
	u32 level = top();
	if (u || !level)
		return u;
#pragma unroll
	for (int i = DEEPEST - 1; i >= 0; i--) {
		u = of(bpf_skb_ancestor_cgroup_id(skb, level + i));
		if (u)
			return u;
	}
	return 0;
}

SEC("cgroup_skb/ingress")
int on_ingress(struct __sk_buff *skb)
{
	struct counters *u = of_packet(skb);
	if (u) {
		u->rx_bytes += skb->len;
		u->rx_packets++;
	}
	return 1;
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
	struct counters *u = of_packet(skb);
	if (u) {
		u->tx_bytes += skb->len;
		u->tx_packets++;
		if (skb->ifindex != 1) /* the loopback of every network namespace */
			u->egress_bytes += skb->len;
	}
	return 1;
}

enum { ESTABLISHED = 1, SYN_SENT = 2, SYN_RECV = 3, CLOSE = 7, LISTEN = 10 };

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int before, int now)
{
	struct counters *u;
	if (sk->sk_protocol != 6 || (now != ESTABLISHED && now != CLOSE))
		return 0;
	u = of(owner(sk->sk_cgrp_data.cgroup));
	if (!u)
		return 0;
	if (now == ESTABLISHED) {
		if (before == SYN_SENT)
			u->connected++;
		else if (before == SYN_RECV)
			u->accepted++;
	} else if (before == SYN_SENT) {
		u->refused++;
	} else if (before != SYN_RECV && before != LISTEN && before != CLOSE) {
		u->closed++;
	}
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, struct sock *sk)
{
	struct counters *u = of(owner(sk->sk_cgrp_data.cgroup));
	if (u)
		u->retransmits++;
	return 0;
}

/* The kernel calls with each round trip that it measures, for connections that asked for it. */
SEC("sockops")
int on_socket(struct bpf_sock_ops *ops)
{
	struct tcp_sock *t;
	struct counters *u;
	if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB || ops->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) {
		bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_RTT_CB_FLAG);
		return 1;
	}
	if (ops->op != BPF_SOCK_OPS_RTT_CB || !ops->sk)
		return 1;
	t = bpf_skc_to_tcp_sock(ops->sk);
	if (!t)
		return 1;
	u = of(owner(t->inet_conn.icsk_inet.sk.sk_cgrp_data.cgroup));
	if (u)
		u->rtt[slot(ops->srtt_us >> 6)]++; /* eighths of a microsecond */
	return 1;
}

/* of_request: with a controller for I/O the kernel knows for whom it is, whoever submits it; without one it is for whoever does. */
static __always_inline u64 of_request(struct request *rq)
{
	struct cgroup *c = rq->bio->bi_blkg->blkcg->css.cgroup;
	u64 id = 0;
	if (c) {
		int h = c->root->hierarchy_id;
		if (h == 0) {
			id = owner(c);
		} else {
			struct old_group k = {.id = c->kn->id, .hierarchy = h};
			u64 *known = bpf_map_lookup_elem(&old_groups, &k);
			if (known)
				id = *known;
		}
	}
	if (!id)
		id = owner(bpf_get_current_task_btf()->cgroups->dfl_cgrp);
	return id;
}

/* moves: a discard or a flush moves no data. */
static __always_inline bool moves(struct request *rq)
{
	return (rq->cmd_flags & 0xff) <= 1;
}

/* under_way: the device has it already. The kernel uses structures again, so that an old entry, whose end nobody saw, says nothing. */
static __always_inline bool under_way(struct request_start *s)
{
	return s && s->at && bpf_ktime_get_ns() - s->at < 1000000000;
}

/* A request that waits in a queue is issued by whoever empties that; who puts it there is who wants it. */
SEC("tp_btf/block_rq_insert")
int BPF_PROG(on_insert, struct request *rq)
{
	u64 key = (u64)rq;
	struct request_start s = {};
	if (!moves(rq))
		return 0;
	if (under_way(bpf_map_lookup_elem(&requests, &key)))
		return 0; /* the device had no room for it, and it is put back by whoever found that out */
	s.owner = of_request(rq);
	bpf_map_update_elem(&requests, &key, &s, 0); /* also nobody's, which a container may come to issue */
	return 0;
}

/* Another request does its work. */
SEC("tp_btf/block_rq_merge")
int BPF_PROG(on_merge, struct request *rq)
{
	u64 key = (u64)rq;
	bpf_map_delete_elem(&requests, &key);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(on_issue, struct request *rq)
{
	u64 key = (u64)rq;
	struct request_start s = {}, *known;
	if (!moves(rq))
		return 0;
	known = bpf_map_lookup_elem(&requests, &key);
	s.owner = known && (!known->at || under_way(known)) ? known->owner : of_request(rq);
	if (!of(s.owner))
		return 0;
	s.at = bpf_ktime_get_ns();
	s.bytes = rq->__data_len;
	s.write = rq->cmd_flags & 1;
	bpf_map_update_elem(&requests, &key, &s, 0);
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_complete, struct request *rq)
{
	u64 key = (u64)rq, took;
	struct counters *u;
	struct request_start *s = bpf_map_lookup_elem(&requests, &key);
	if (!s)
		return 0;
	u = of(s->owner);
	if (u) {
		took = bpf_ktime_get_ns() - s->at;
		if (s->write) {
			u->write_bytes += s->bytes;
			u->writes++;
		} else {
			u->read_bytes += s->bytes;
			u->reads++;
		}
		u->io_ns += took;
		u->io[slot(took >> 13)]++;
	}
	bpf_map_delete_elem(&requests, &key);
	return 0;
}

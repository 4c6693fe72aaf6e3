/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#pragma once

/* Run by the agent to learn its own level in the hierarchy, which in a cgroup namespace no path tells. */
SEC("syscall")
int own_level(void *ctx)
{
	return bpf_get_current_task_btf()->cgroups->dfl_cgrp->level;
}

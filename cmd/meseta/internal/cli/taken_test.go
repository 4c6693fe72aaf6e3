package cli

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/cmd/meseta/internal/flags"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
)

// Flags that a real master and a real agent were seen to have.
const (
	masterFlagsOfMesos = `agent_ping_timeout agent_reregister_timeout allocation_interval allocator allocator_agent_recovery_factor
		allocator_recovery_timeout authenticate_agents authenticate_frameworks authenticate_http_frameworks authenticate_http_readonly
		authenticate_http_readwrite authentication_v0_timeout authenticators authorizers filter_gpu_resources framework_sorter help hostname
		hostname_lookup http_authenticators initialize_driver_logging ip log_auto_initialize log_dir logbufsecs logging_level
		max_agent_ping_timeouts max_completed_frameworks max_completed_tasks_per_framework max_operator_event_stream_subscribers
		max_unreachable_tasks_per_framework memory_profiling min_allocatable_resources offer_constraints_re2_max_mem
		offer_constraints_re2_max_program_size port publish_per_framework_metrics quiet recovery_agent_removal_limit registry
		registry_fetch_timeout registry_gc_interval registry_max_agent_age registry_max_agent_count registry_store_timeout registry_strict
		require_agent_domain role_sorter root_submissions webui_dir work_dir zk_session_timeout`
	agentFlagsOfMesos = `appc_simple_discovery_uri_prefix appc_store_dir attributes authenticate_http_readonly authenticate_http_readwrite
		authenticatee authentication_backoff_factor authentication_timeout_max authentication_timeout_min authorizer
		cgroups_cpu_enable_pids_and_tids_count cgroups_destroy_timeout cgroups_enable_cfs cgroups_hierarchy cgroups_limit_swap cgroups_root
		container_disk_watch_interval containerizers default_role disallow_sharing_agent_ipc_namespace disallow_sharing_agent_pid_namespace
		disk_watch_interval docker docker_ignore_runtime docker_kill_orphans docker_registry docker_remove_delay docker_socket
		docker_stop_timeout docker_store_dir docker_volume_checkpoint_dir docker_volume_chown enforce_container_disk_quota
		executor_registration_timeout executor_reregistration_timeout executor_shutdown_grace_period fetcher_cache_dir fetcher_cache_size
		fetcher_stall_timeout frameworks_home gc_delay gc_disk_headroom gc_non_executor_container_sandboxes help hostname hostname_lookup
		http_command_executor http_executor_domain_sockets http_heartbeat_interval image_provisioner_backend initialize_driver_logging ip
		isolation launcher launcher_dir log_dir logbufsecs logging_level master max_completed_executors_per_framework memory_profiling
		network_cni_metrics network_cni_root_dir_persist oversubscribed_resources_interval perf_duration perf_interval port
		qos_correction_interval_min quiet reconfiguration_policy recover recovery_timeout registration_backoff_factor resources
		revocable_cpu_low_priority runtime_dir sandbox_directory strict switch_user systemd_enable_support systemd_runtime_directory work_dir
		zk_session_timeout`
)

func servers() (master, agent *cobra.Command) {
	a := &app{out: screen.New(os.Stdout), err: screen.New(os.Stderr), ctx: context.Background()}
	return a.master(), a.agent()
}

// Every flag that Mesos' programs have is known here, and /flags shows all that have a value.
func TestFlagsOfMesosAreKnown(t *testing.T) {
	master, agent := servers()
	for _, s := range []struct {
		command *cobra.Command
		names   string
	}{{master, masterFlagsOfMesos}, {agent, agentFlagsOfMesos}} {
		shown := flags.All(s.command.Flags())
		for name := range strings.FieldsSeq(s.names) {
			f := s.command.Flags().Lookup(name)
			if name == "help" {
				continue // cobra's own, added when the command runs
			}
			if f == nil {
				t.Errorf("%s has no --%s", s.command.Name(), name)
			} else if text, there := shown[name]; f.DefValue != "" && (!there || text != f.DefValue) {
				t.Errorf("%s: --%s=%s is shown as %q", s.command.Name(), name, f.DefValue, text)
			}
		}
	}
}

// A value that asks for nothing is taken; one that asks for something that is missing is refused, and it is named.
func TestTakenFlags(t *testing.T) {
	master, agent := servers()
	for _, c := range []struct {
		command *cobra.Command
		flag    string
		missing string // empty: taken
	}{
		{agent, "--launcher=posix", ""}, {agent, "--isolation=posix/cpu,posix/mem", ""}, {agent, "--isolation=posix/mem,filesystem/posix", ""},
		{agent, "--containerizers=mesos", ""}, {agent, "--image_provisioner_backend=copy", ""}, {agent, "--no-systemd_enable_support", ""},
		{agent, "--runtime_dir=/x", ""}, {agent, "--launcher_dir=/x", ""}, {agent, "--docker=/usr/bin/docker", ""},
		{master, "--allocator=hierarchical", ""}, {master, "--no-hostname_lookup", ""}, {master, "--zk_session_timeout=20secs", ""},
		{agent, "--launcher=linux", ""}, {agent, "--isolation=posix/cpu,cgroups/mem", ""}, {agent, "--cgroups_enable_cfs", ""},
		{agent, "--containerizers=docker,mesos", "container images"}, {agent, "--image_providers=docker", "container images"},
		{master, "--zk=zk://h:2181/mesos", ""}, {master, "--quorum=2", ""}, {master, "--role_sorter=random", "another sorter"},
		{master, "--modules=x", "modules"}, {agent, "--resource_estimator=x", "oversubscription"}, {agent, "--agent_subsystems=cpu", "control groups"},
	} {
		err := c.command.ParseFlags([]string{c.flag})
		if (err == nil) != (c.missing == "") || err != nil && !strings.Contains(err.Error(), c.missing) {
			t.Errorf("%s %s: %v", c.command.Name(), c.flag, err)
		}
	}
}

// What has something behind it is not in the tables any more.
func TestTakenFlagsHaveNothingBehindThem(t *testing.T) {
	master, agent := servers()
	for _, s := range []struct {
		command *cobra.Command
		tables  [][]flags.Taken
	}{{master, [][]flags.Taken{takenByBoth, takenByMasters}}, {agent, [][]flags.Taken{takenByBoth, takenByAgents}}} {
		for _, table := range s.tables {
			for _, row := range table {
				if f := s.command.Flags().Lookup(row.Name); f == nil || !flags.IsTaken(f) {
					t.Errorf("%s: --%s is in the table, and has something behind it", s.command.Name(), row.Name)
				}
			}
		}
	}
}

// Whoever lists a flag that is refused says what it would need.
func TestTakenTables(t *testing.T) {
	for _, table := range [][]flags.Taken{takenByBoth, takenByMasters, takenByAgents} {
		for _, f := range table {
			boolean := f.Default == "true" || f.Default == "false"
			if f.Missing == "" && f.Same != "*" && !(boolean && f.Same != "") {
				t.Errorf("--%s: a value that is refused needs a reason", f.Name)
			}
		}
	}
}

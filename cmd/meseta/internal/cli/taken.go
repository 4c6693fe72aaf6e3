package cli

import "github.com/meseta-io/meseta/cmd/meseta/internal/flags"

// What a value would need that is refused.
const (
	needsModules       = "modules, which are libraries for Mesos and do not fit here; leave the flag out"
	needsImages        = "container images, which this build does not have; leave the flag out"
	needsProviders     = "resource providers, which this build does not have; leave the flag out"
	needsSorter        = "another sorter than drf, which this build does not have; leave the flag out"
	needsProfiler      = "a profiler, which this build does not have; leave the flag out"
	needsSockets       = "domain sockets, which this build does not have; leave the flag out"
	needsAgentAuth     = "another way to authenticate than the one built in; leave the flag out"
	needsOversubscribe = "oversubscription, which this build does not have; leave the flag out"
)

// takenByBoth are flags of Mesos' that have nothing behind them, on masters and agents.
var takenByBoth = []flags.Taken{
	{Name: "ip_discovery_command", Missing: "a program that is run to find the address; use --ip or --advertise_ip"},
	{Name: "hostname_lookup", Default: "true", Same: "false"}, // --hostname is looked up only where it is not given
	{Name: "modules", Missing: needsModules},
	{Name: "modules_dir", Missing: needsModules},
	{Name: "hooks", Missing: needsModules},
	{Name: "logbufsecs", Default: "0", Same: "*"}, // nothing is buffered
	{Name: "initialize_driver_logging", Default: "true", Same: "false"},
	{Name: "memory_profiling", Default: "false", Missing: needsProfiler},
	{Name: "zk_session_timeout", Default: "10secs", Same: "*"},
}

// takenByMasters are those of masters.
var takenByMasters = []flags.Taken{
	{Name: "master_contender", Missing: needsModules},
	{Name: "master_detector", Missing: needsModules},
	{Name: "registry_strict", Default: "false", Missing: "a strict registry, which Mesos does not have either; leave the flag out"},
	{Name: "log_auto_initialize", Default: "true", Same: "false"},
	{Name: "allocator", Default: "HierarchicalDRF", Same: "hierarchical", Missing: needsModules},
	{Name: "role_sorter", Default: "drf", Missing: needsSorter},
	{Name: "framework_sorter", Default: "drf", Missing: needsSorter},
	{Name: "offer_constraints_re2_max_mem", Default: "4KB", Same: "*"},
	{Name: "offer_constraints_re2_max_program_size", Default: "100", Same: "*"},
	{Name: "authenticators", Default: "crammd5", Missing: needsAgentAuth},
	{Name: "authorizers", Default: "local", Missing: needsModules},
	{Name: "max_executors_per_agent", Missing: "the isolator network/port_mapping, which this build does not have; leave the flag out"},
	{Name: "webui_dir", Default: "", Same: "*"}, // there are no pages to look for
}

// takenByAgents are those of agents.
var takenByAgents = []flags.Taken{
	{Name: "master_detector", Missing: needsModules},
	{Name: "launcher_dir", Default: "/usr/local/libexec/mesos", Same: "*"},
	{Name: "agent_features", Missing: "agents without some of their capabilities; leave the flag out"},
	{Name: "containerizers", Default: "mesos", Missing: needsImages},
	{Name: "authenticatee", Default: "crammd5", Missing: needsAgentAuth},
	{Name: "http_executor_domain_sockets", Default: "false", Missing: needsSockets},
	{Name: "domain_socket_location", Missing: needsSockets},
	{Name: "http_command_executor", Default: "false", Same: "true"}, // there is one, and frameworks cannot tell
	{Name: "http_heartbeat_interval", Default: "30secs", Same: "*"},
	{Name: "authorizer", Default: "local", Missing: needsModules},
	{Name: "secret_resolver", Missing: needsModules},
	{Name: "gc_non_executor_container_sandboxes", Default: "false", Same: "true"}, // no other containers leave sandboxes
	{Name: "hadoop_home", Missing: "a Hadoop client; fetch by http or https"},
	{Name: "image_providers", Missing: needsImages},
	{Name: "image_provisioner_backend", Same: "copy,overlay,aufs,bind", Missing: needsImages},
	{Name: "image_gc_config", Missing: needsImages},
	{Name: "appc_simple_discovery_uri_prefix", Default: "http://", Same: "*"},
	{Name: "appc_store_dir", Default: "/tmp/mesos/store/appc", Same: "*"},
	{Name: "docker", Default: "docker", Same: "*"},
	{Name: "docker_config", Missing: needsImages},
	{Name: "docker_ignore_runtime", Default: "false", Same: "true"},
	{Name: "docker_kill_orphans", Default: "true", Same: "false"},
	{Name: "docker_mesos_image", Missing: needsImages},
	{Name: "docker_registry", Default: "https://registry-1.docker.io", Same: "*"},
	{Name: "docker_remove_delay", Default: "6hrs", Same: "*"},
	{Name: "docker_socket", Default: "/var/run/docker.sock", Same: "*"},
	{Name: "docker_stop_timeout", Default: "0ns", Same: "*"},
	{Name: "docker_store_dir", Default: "/tmp/mesos/store/docker", Same: "*"},
	{Name: "docker_volume_checkpoint_dir", Default: "/var/run/mesos/isolators/docker/volume", Same: "*"},
	{Name: "docker_volume_chown", Default: "false", Missing: needsImages},
	{Name: "default_container_info", Missing: "containers described for tasks that describe none; describe them in the tasks"},
	{Name: "volume_gid_range", Missing: "groups for volumes that several users share; leave the flag out"},
	{Name: "csi_plugin_config_dir", Missing: needsProviders},
	{Name: "resource_provider_config_dir", Missing: needsProviders},
	{Name: "disk_profile_adaptor", Missing: needsModules},
	{Name: "cgroups_hierarchy", Default: "/sys/fs/cgroup", Same: "*"},
	{Name: "agent_subsystems", Missing: "control groups for the agent itself; limit it where it is started, as in its systemd unit"},
	{Name: "nvidia_gpu_devices", Missing: "a choice among cards; with --isolation=gpu/nvidia and --resources=gpus:N the agent has all cards"},
	{Name: "systemd_enable_support", Default: "true", Same: "false"}, // executors outlive the agent either way
	{Name: "systemd_runtime_directory", Default: "/run/systemd/system", Same: "*"},
	{Name: "oversubscribed_resources_interval", Default: "15secs", Same: "*"},
	{Name: "qos_controller", Missing: needsOversubscribe},
	{Name: "qos_correction_interval_min", Default: "0ns", Same: "*"},
	{Name: "resource_estimator", Missing: needsOversubscribe},
}

package authorization

// Action is something that not everybody may do. They are those of Mesos' authorizer.
type Action uint8

// What can be done to the cluster. The object that each is about stands behind it.
const (
	Unknown                      Action = iota
	RegisterFramework                   // Value: a role, once for each of the framework's
	RunTask                             // TaskInfo and Framework; the user the task would run as
	TeardownFramework                   // Framework; its principal
	ReserveResources                    // Resource or Value: the role of the reservation
	UnreserveResources                  // Resource or Value: the principal that reserved
	CreateVolume                        // Resource or Value: the role it is reserved to
	DestroyVolume                       // Resource or Value: the principal that created it
	ResizeVolume                        // Resource or Value: the role it is reserved to
	GetQuota                            // Value: a role
	UpdateQuota                         // Value: a role
	UpdateQuotaWithConfig               // Value: a role; the same list as UpdateQuota
	UpdateWeight                        // Value: a role
	ViewRole                            // Value: a role
	GetEndpointWithPath                 // Value: a path, one of Endpoints
	ViewFramework                       // Framework; its user
	ViewTask                            // Task or TaskInfo, and Framework; the user it runs as
	ViewExecutor                        // Executor and Framework; the user it runs as
	AccessSandbox                       // Executor and Framework; the user it runs as
	AccessMesosLog                      // nothing
	ViewFlags                           // nothing
	SetLogLevel                         // nothing
	LaunchNestedContainer               // Command, Executor, Framework and ContainerID; its user and that of the executor
	LaunchNestedContainerSession        // the same
	KillNestedContainer                 // Executor, Framework and ContainerID; the user of the executor
	WaitNestedContainer                 // the same
	RemoveNestedContainer               // the same
	AttachContainerInput                // the same
	AttachContainerOutput               // the same
	ViewContainer                       // the same
	LaunchStandaloneContainer           // Command or Value: the user it would run as
	KillStandaloneContainer             // the same
	WaitStandaloneContainer             // the same
	RemoveStandaloneContainer           // the same
	ViewStandaloneContainer             // the same
	RegisterAgent                       // nothing
	UpdateMaintenanceSchedule           // nothing
	GetMaintenanceSchedule              // nothing
	StartMaintenance                    // nothing
	StopMaintenance                     // nothing
	GetMaintenanceStatus                // nothing
	DrainAgent                          // nothing
	DeactivateAgent                     // nothing
	ReactivateAgent                     // nothing
	MarkAgentGone                       // nothing
	ModifyResourceProviderConfig        // nothing
	MarkResourceProviderGone            // nothing
	ViewResourceProvider                // nothing
	PruneImages                         // nothing
	CreateBlockDisk                     // Resource or Value: the role it is reserved to
	DestroyBlockDisk                    // the same
	CreateMountDisk                     // the same
	DestroyMountDisk                    // the same
	DestroyRawDisk                      // the same
	actions                             // how many there are
)

// Actions are all that there are, in order.
func Actions() []Action {
	all := make([]Action, 0, actions-1)
	for a := Unknown + 1; a < actions; a++ {
		all = append(all, a)
	}
	return all
}

// String is the name of the action in Mesos' authorizer.
func (a Action) String() string {
	if a >= actions {
		a = Unknown
	}
	return rules[a].name
}

// rule is what decides about an action.
type rule struct {
	name string
	// list is the key of the access control lists that speak of it.
	list string
	// about tells which value of the object a list is compared with. Nil: there is none, only ANY and NONE can be said.
	about func(Object) (string, bool)
	// parent, if set, is a second list that has to agree, about the user of the container around this one.
	parent string
	// own is the implicit rule for executors: whether the object is theirs. Nil: they may not.
	own func(Subject, Object) bool
}

// Endpoints are the paths that GetEndpointWithPath knows, on masters and agents.
var Endpoints = []string{"/containerizer/debug", "/containers", "/files/debug", "/logging/toggle", "/metrics/snapshot", "/monitor/statistics"}

var rules = [actions]rule{
	Unknown:                      {name: "UNKNOWN"},
	RegisterFramework:            {name: "REGISTER_FRAMEWORK", list: "register_frameworks", about: value},
	RunTask:                      {name: "RUN_TASK", list: "run_tasks", about: taskUser},
	TeardownFramework:            {name: "TEARDOWN_FRAMEWORK", list: "teardown_frameworks", about: frameworkPrincipal},
	ReserveResources:             {name: "RESERVE_RESOURCES", list: "reserve_resources", about: reservedTo},
	UnreserveResources:           {name: "UNRESERVE_RESOURCES", list: "unreserve_resources", about: reservedBy},
	CreateVolume:                 {name: "CREATE_VOLUME", list: "create_volumes", about: reservedTo},
	DestroyVolume:                {name: "DESTROY_VOLUME", list: "destroy_volumes", about: createdBy},
	ResizeVolume:                 {name: "RESIZE_VOLUME", list: "resize_volumes", about: reservedTo},
	GetQuota:                     {name: "GET_QUOTA", list: "get_quotas", about: value},
	UpdateQuota:                  {name: "UPDATE_QUOTA", list: "update_quotas", about: value},
	UpdateQuotaWithConfig:        {name: "UPDATE_QUOTA_WITH_CONFIG", list: "update_quotas", about: value},
	UpdateWeight:                 {name: "UPDATE_WEIGHT", list: "update_weights", about: value},
	ViewRole:                     {name: "VIEW_ROLE", list: "view_roles", about: value},
	GetEndpointWithPath:          {name: "GET_ENDPOINT_WITH_PATH", list: "get_endpoints", about: value},
	ViewFramework:                {name: "VIEW_FRAMEWORK", list: "view_frameworks", about: frameworkUser, own: ownFramework},
	ViewTask:                     {name: "VIEW_TASK", list: "view_tasks", about: taskUser, own: ownTask},
	ViewExecutor:                 {name: "VIEW_EXECUTOR", list: "view_executors", about: executorUser, own: ownExecutor},
	AccessSandbox:                {name: "ACCESS_SANDBOX", list: "access_sandboxes", about: executorUser},
	AccessMesosLog:               {name: "ACCESS_MESOS_LOG", list: "access_mesos_logs"},
	ViewFlags:                    {name: "VIEW_FLAGS", list: "view_flags"},
	SetLogLevel:                  {name: "SET_LOG_LEVEL", list: "set_log_level"},
	LaunchNestedContainer:        {name: "LAUNCH_NESTED_CONTAINER", list: "launch_nested_containers_as_user", about: childUser, parent: "launch_nested_containers_under_parent_with_user", own: ownContainer},
	LaunchNestedContainerSession: {name: "LAUNCH_NESTED_CONTAINER_SESSION", list: "launch_nested_container_sessions_as_user", about: childUser, parent: "launch_nested_container_sessions_under_parent_with_user", own: ownContainer},
	KillNestedContainer:          {name: "KILL_NESTED_CONTAINER", list: "kill_nested_containers", about: executorUser, own: ownContainer},
	WaitNestedContainer:          {name: "WAIT_NESTED_CONTAINER", list: "wait_nested_containers", about: executorUser, own: ownContainer},
	RemoveNestedContainer:        {name: "REMOVE_NESTED_CONTAINER", list: "remove_nested_containers", about: executorUser, own: ownContainer},
	AttachContainerInput:         {name: "ATTACH_CONTAINER_INPUT", list: "attach_containers_input", about: executorUser},
	AttachContainerOutput:        {name: "ATTACH_CONTAINER_OUTPUT", list: "attach_containers_output", about: executorUser, own: ownContainer},
	ViewContainer:                {name: "VIEW_CONTAINER", list: "view_containers", about: executorUser, own: ownContainer},
	LaunchStandaloneContainer:    {name: "LAUNCH_STANDALONE_CONTAINER", list: "launch_standalone_containers", about: commandUser},
	KillStandaloneContainer:      {name: "KILL_STANDALONE_CONTAINER", list: "kill_standalone_containers", about: commandUser},
	WaitStandaloneContainer:      {name: "WAIT_STANDALONE_CONTAINER", list: "wait_standalone_containers", about: commandUser},
	RemoveStandaloneContainer:    {name: "REMOVE_STANDALONE_CONTAINER", list: "remove_standalone_containers", about: commandUser},
	ViewStandaloneContainer:      {name: "VIEW_STANDALONE_CONTAINER", list: "view_standalone_containers", about: commandUser},
	RegisterAgent:                {name: "REGISTER_AGENT", list: "register_agents"},
	UpdateMaintenanceSchedule:    {name: "UPDATE_MAINTENANCE_SCHEDULE", list: "update_maintenance_schedules"},
	GetMaintenanceSchedule:       {name: "GET_MAINTENANCE_SCHEDULE", list: "get_maintenance_schedules"},
	StartMaintenance:             {name: "START_MAINTENANCE", list: "start_maintenances"},
	StopMaintenance:              {name: "STOP_MAINTENANCE", list: "stop_maintenances"},
	GetMaintenanceStatus:         {name: "GET_MAINTENANCE_STATUS", list: "get_maintenance_statuses"},
	DrainAgent:                   {name: "DRAIN_AGENT", list: "drain_agents"},
	DeactivateAgent:              {name: "DEACTIVATE_AGENT", list: "deactivate_agents"},
	ReactivateAgent:              {name: "REACTIVATE_AGENT", list: "reactivate_agents"},
	MarkAgentGone:                {name: "MARK_AGENT_GONE", list: "mark_agents_gone"},
	ModifyResourceProviderConfig: {name: "MODIFY_RESOURCE_PROVIDER_CONFIG", list: "modify_resource_provider_configs"},
	MarkResourceProviderGone:     {name: "MARK_RESOURCE_PROVIDER_GONE", list: "mark_resource_providers_gone"},
	ViewResourceProvider:         {name: "VIEW_RESOURCE_PROVIDER", list: "view_resource_providers"},
	PruneImages:                  {name: "PRUNE_IMAGES", list: "prune_images"},
	CreateBlockDisk:              {name: "CREATE_BLOCK_DISK", list: "create_block_disks", about: reservedTo},
	DestroyBlockDisk:             {name: "DESTROY_BLOCK_DISK", list: "destroy_block_disks", about: reservedTo},
	CreateMountDisk:              {name: "CREATE_MOUNT_DISK", list: "create_mount_disks", about: reservedTo},
	DestroyMountDisk:             {name: "DESTROY_MOUNT_DISK", list: "destroy_mount_disks", about: reservedTo},
	DestroyRawDisk:               {name: "DESTROY_RAW_DISK", list: "destroy_raw_disks", about: reservedTo},
}

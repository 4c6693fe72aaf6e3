package authorization

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/roles"
	"github.com/meseta-io/meseta/messages/strictjson"
)

// MaxFile bounds a file of access control lists, in bytes.
const MaxFile = 16 << 20

// shapes are the lists and how each calls its objects.
var shapes = map[string]string{
	"register_frameworks": "roles", "run_tasks": "users", "teardown_frameworks": "framework_principals",
	"reserve_resources": "roles", "unreserve_resources": "reserver_principals",
	"create_volumes": "roles", "destroy_volumes": "creator_principals", "resize_volumes": "roles",
	"get_quotas": "roles", "update_quotas": "roles", "update_weights": "roles", "view_roles": "roles", "get_endpoints": "paths",
	"view_frameworks": "users", "view_tasks": "users", "view_executors": "users", "access_sandboxes": "users",
	"access_mesos_logs": "logs", "view_flags": "flags", "set_log_level": "level",
	"launch_nested_containers_as_user": "users", "launch_nested_containers_under_parent_with_user": "users",
	"launch_nested_container_sessions_as_user": "users", "launch_nested_container_sessions_under_parent_with_user": "users",
	"kill_nested_containers": "users", "wait_nested_containers": "users", "remove_nested_containers": "users",
	"attach_containers_input": "users", "attach_containers_output": "users", "view_containers": "users",
	"launch_standalone_containers": "users", "kill_standalone_containers": "users", "wait_standalone_containers": "users",
	"remove_standalone_containers": "users", "view_standalone_containers": "users",
	"register_agents": "agents", "drain_agents": "agents", "deactivate_agents": "agents", "reactivate_agents": "agents", "mark_agents_gone": "agents",
	"update_maintenance_schedules": "machines", "get_maintenance_schedules": "machines", "start_maintenances": "machines",
	"stop_maintenances": "machines", "get_maintenance_statuses": "machines",
	"modify_resource_provider_configs": "resource_providers", "mark_resource_providers_gone": "resource_providers",
	"view_resource_providers": "resource_providers", "prune_images": "images",
	"create_block_disks": "roles", "destroy_block_disks": "roles", "create_mount_disks": "roles", "destroy_mount_disks": "roles", "destroy_raw_disks": "roles",
}

// former are keys of old versions of Mesos, and what became of them.
var former = map[string]string{
	"shutdown_frameworks": "teardown_frameworks", "set_quotas": "update_quotas", "remove_quotas": "update_quotas",
}

// wholesale are objects that cannot be told apart, so that only ANY and NONE can be said of them.
var wholesale = []string{"logs", "flags", "level", "agents", "machines", "resource_providers", "images"}

// Parse reads access control lists in Mesos' JSON: {"permissive": …, "run_tasks": [{"principals": {…}, "users": {…}}], …}.
// What it does not know it refuses by name: a typo must not open a door.
func Parse(file []byte) (*ACLs, error) {
	l, err := parse(file)
	if err != nil {
		return nil, fmt.Errorf("acls: %w", err)
	}
	return l, nil
}

func parse(file []byte) (*ACLs, error) {
	if len(file) > MaxFile {
		return nil, fmt.Errorf("file of %d bytes: at most %d: %w", len(file), MaxFile, fault.ErrInvalid)
	}
	members, err := strictjson.Object(file)
	if err != nil {
		return nil, err
	}
	l := &ACLs{permissive: true, lists: map[string][]entry{}}
	for _, m := range members {
		if m.Key == "permissive" {
			if l.permissive, err = boolean(m.Value); err != nil {
				return nil, fmt.Errorf("permissive: %w", err)
			}
			continue
		}
		if l.lists[m.Key], err = list(m); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func list(m strictjson.Member) ([]entry, error) {
	objects, known := shapes[m.Key]
	switch {
	case former[m.Key] != "":
		return nil, strictjson.Refuse("%.80q is of an old version: write %q", m.Key, former[m.Key])
	case !known:
		return nil, strictjson.Refuse("there is no list %.80q", m.Key)
	}
	parts, err := strictjson.Array(m.Value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Key, err)
	}
	all := make([]entry, len(parts))
	for i, part := range parts {
		if all[i], err = oneEntry(part, objects); err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", m.Key, i, err)
		}
	}
	return all, nil
}

func oneEntry(text []byte, objects string) (e entry, err error) {
	members, err := strictjson.Object(text)
	if err != nil {
		return e, err
	}
	seen := map[string]bool{}
	for _, m := range members {
		seen[m.Key] = true
		switch m.Key {
		case "principals":
			e.subjects, err = parseEntity(m.Value)
		case objects:
			if e.objects, err = parseEntity(m.Value); err == nil {
				err = e.objects.check(objects)
			}
		default:
			return e, strictjson.Refuse("there is no %.80q here, but \"principals\" and %q", m.Key, objects)
		}
		if err != nil {
			return e, fmt.Errorf("%s: %w", m.Key, err)
		}
	}
	for _, key := range []string{"principals", objects} {
		if !seen[key] {
			return e, strictjson.Refuse("%q is missing", key)
		}
	}
	return e, nil
}

func parseEntity(text []byte) (e entity, err error) {
	members, err := strictjson.Object(text)
	if err != nil {
		return e, err
	}
	e.values = map[string]bool{}
	for _, m := range members {
		switch m.Key {
		case "type":
			e.kind, err = parseKind(m.Value)
		case "values":
			err = e.parseValues(m.Value)
		default:
			err = strictjson.Refuse("there is no %.80q here, but \"type\" and \"values\"", m.Key)
		}
		if err != nil {
			return e, err
		}
	}
	if e.kind == some && len(e.values) == 0 {
		return e, strictjson.Refuse("it names nobody: write \"values\", or \"type\" ANY or NONE")
	}
	return e, nil
}

func parseKind(text []byte) (kind, error) {
	var name string
	if err := json.Unmarshal(text, &name); err != nil {
		return some, strictjson.Refuse("\"type\" is no string")
	}
	switch name {
	case "SOME":
		return some, nil
	case "ANY":
		return anybody, nil
	case "NONE":
		return nobody, nil
	}
	return some, strictjson.Refuse("type %.80q: one of SOME, ANY, NONE expected", name)
}

func (e *entity) parseValues(text []byte) error {
	parts, err := strictjson.Array(text)
	if err != nil {
		return fmt.Errorf("\"values\": %w", err)
	}
	for _, part := range parts {
		var name string
		if err := json.Unmarshal(part, &name); err != nil || part[0] != '"' {
			return strictjson.Refuse("one of \"values\" is no string")
		}
		e.values[name] = true
	}
	return nil
}

// check refuses objects that can never be, and tells whole trees of roles from single ones.
func (e *entity) check(objects string) error {
	if e.kind != some {
		return nil
	}
	for name := range e.values {
		switch {
		case slices.Contains(wholesale, objects):
			return strictjson.Refuse("they cannot be told apart: write \"type\" ANY or NONE")
		case objects == "paths" && !slices.Contains(Endpoints, name):
			return strictjson.Refuse("%.80q is not an authorizable path: those are %s", name, strings.Join(Endpoints, ", "))
		case objects == "roles":
			above, tree := strings.CutSuffix(name, "/%")
			if err := roles.Validate(above); err != nil {
				return err
			}
			if tree {
				delete(e.values, name)
				e.below = append(e.below, above+"/")
			}
		}
	}
	slices.Sort(e.below)
	return nil
}

// boolean may be written as a string, as everywhere in Mesos' JSON.
func boolean(text []byte) (bool, error) {
	switch s := string(text); s {
	case "true", `"true"`:
		return true, nil
	case "false", `"false"`:
		return false, nil
	}
	return false, strictjson.Refuse("true or false expected")
}

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/cmd/meseta/internal/flags"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

const (
	// maxTaskFile bounds a description of tasks, and maxTaskNodes what a YAML file may unfold to by its aliases.
	maxTaskFile  = 4 << 20
	maxTaskNodes = 100_000
)

// readTasks reads a file with a task, or with a group of them: Mesos' v1 TaskInfo or TaskGroupInfo, in JSON or YAML.
func readTasks(path string) (tasks []*mesospb.TaskInfo, group bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTaskFile+1))
	switch {
	case err != nil:
		return nil, false, err
	case len(text) > maxTaskFile:
		return nil, false, fmt.Errorf("%s: more than %d MB, which is no description of a task", path, maxTaskFile>>20)
	}
	if tasks, group, err = parseTasks(text); err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	return tasks, group, nil
}

func parseTasks(text []byte) ([]*mesospb.TaskInfo, bool, error) {
	document, err := parseDocument(text)
	if err != nil {
		return nil, false, err
	}
	object, ok := document.(map[string]any)
	if !ok {
		return nil, false, errors.New("a task expected: an object with name, command and resources")
	}
	list, group := object["tasks"].([]any)
	if !group {
		t, err := taskOf(object)
		return []*mesospb.TaskInfo{t}, false, err
	}
	for key := range object {
		if key != "tasks" {
			return nil, false, fmt.Errorf("%s: a group has tasks only", key)
		}
	}
	if len(list) == 0 {
		return nil, false, errors.New("tasks: a group has one at least")
	}
	var tasks []*mesospb.TaskInfo
	for i, one := range list {
		object, ok := one.(map[string]any)
		if !ok {
			return nil, false, fmt.Errorf("tasks[%d]: an object expected", i)
		}
		t, err := taskOf(object)
		if err != nil {
			return nil, false, fmt.Errorf("tasks[%d].%w", i, err)
		}
		tasks = append(tasks, t)
	}
	return tasks, true, nil
}

// taskOf makes an object a task. What only the cluster knows, and what the command line can say, may be left out.
func taskOf(object map[string]any) (*mesospb.TaskInfo, error) {
	if err := known(object, (*mesospb.TaskInfo)(nil).ProtoReflect().Descriptor(), ""); err != nil {
		return nil, err
	}
	for name, empty := range map[string]any{"name": "", "task_id": map[string]any{"value": ""}, "agent_id": map[string]any{"value": ""}} {
		if object[name] == nil {
			object[name] = empty
		}
	}
	document, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	t := &mesospb.TaskInfo{}
	return t, wire.DecodeJSON(document, t, wire.Limits{})
}

// parseDocument reads JSON, or YAML, whose plain values all become text: Mesos' JSON takes text for every kind of value,
// and a variable `PORT: 010` is to arrive as it was written.
func parseDocument(text []byte) (document any, err error) {
	if trimmed := bytes.TrimSpace(text); bytes.HasPrefix(trimmed, []byte("{")) {
		d := json.NewDecoder(bytes.NewReader(trimmed))
		d.UseNumber()
		if err := d.Decode(&document); err == nil {
			if _, err := d.Token(); !errors.Is(err, io.EOF) {
				return nil, errors.New("there is more behind the end of the object")
			}
			return document, nil
		} else if json.Valid(trimmed) {
			return nil, err
		}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("neither JSON nor YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	left := maxTaskNodes
	return plainYAML(&root, &left)
}

func plainYAML(n *yaml.Node, left *int) (any, error) {
	if *left--; *left < 0 {
		return nil, errors.New("it unfolds to too much")
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return plainYAML(n.Content[0], left)
	case yaml.AliasNode:
		return plainYAML(n.Alias, left)
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			v, err := plainYAML(item, left)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := plainYAML(n.Content[i+1], left)
			if err != nil {
				return nil, err
			}
			object[n.Content[i].Value] = v
		}
		return object, nil
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return nil, nil
		}
		return n.Value, nil
	}
	return nil, nil // an empty file
}

// known refuses names that no field has: Mesos' readers pass over them, but a person meant something by them.
func known(object map[string]any, of protoreflect.MessageDescriptor, at string) error {
	for _, key := range sortedKeys(object) {
		field := of.Fields().ByName(protoreflect.Name(key))
		if field == nil {
			var names []string
			for i := range of.Fields().Len() {
				names = append(names, string(of.Fields().Get(i).Name()))
			}
			near := flags.Nearest(key, names)
			if near != "" {
				near = ": did you mean " + near + "?"
			} else if len(names) < 12 {
				near = ": there are " + strings.Join(names, ", ")
			}
			return fmt.Errorf("%s%s: no such field%s", at, key, near)
		}
		if field.IsMap() || field.Message() == nil {
			continue
		}
		values, ok := object[key].([]any)
		if !ok {
			values = []any{object[key]}
		}
		for i, v := range values {
			below, ok := v.(map[string]any)
			if !ok {
				continue // the reader says what it expects
			}
			path := at + key + "."
			if field.IsList() {
				path = fmt.Sprintf("%s%s[%d].", at, key, i)
			}
			if err := known(below, field.Message(), path); err != nil {
				return err
			}
		}
	}
	return nil
}

func sortedKeys(object map[string]any) (keys []string) {
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// decodeText reads a message of Mesos' as its tools take it: JSON, or the absolute path of a file with it. Unknown fields
// are passed over, as they do.
func decodeText(text string, into proto.Message) error {
	if strings.HasPrefix(text, "/") {
		file, err := os.ReadFile(text)
		if err != nil {
			return err
		}
		text = string(file)
	}
	return wire.DecodeJSON([]byte(text), into, wire.Limits{Bytes: maxTaskFile})
}

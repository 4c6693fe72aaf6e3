package cni

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/utils"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// network is one that operators have described: a list of plugins.
type network struct {
	name    string
	version string
	plugins []map[string]any
	dns     types.DNS
}

// portMapper is the plugin that came with Mesos. Nobody has to install it: what it is told is done with the plugin that
// it delegates to and the reference plugin for ports.
const portMapper = "mesos-cni-port-mapper"

// networks reads all files of a directory, as Mesos does: their names do not matter. A file that describes no network, and
// one whose name another has already, is passed over; problem hears of it.
func networks(dir string, problem func(file string, err error)) (map[string]network, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("--network_cni_config_dir: %w", err)
	}
	all := map[string]network{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		n, err := networkOf(path)
		if _, taken := all[n.name]; taken && err == nil {
			err = fmt.Errorf("another file has a network %q already: %w", n.name, fault.ErrInvalid)
		}
		if err != nil {
			problem(path, err)
			continue
		}
		all[n.name] = n
	}
	return all, nil
}

func networkOf(path string) (network, error) {
	b, err := readSmall(path)
	if err != nil {
		return network{}, err
	}
	return parse(b)
}

// largest is how large a file may be that describes a network.
const largest = 1 << 20

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, largest+1)
	n := 0
	for n < len(b) {
		more, err := f.Read(b[n:])
		n += more
		if more == 0 || err != nil {
			break
		}
	}
	if n > largest {
		return nil, fmt.Errorf("%s is larger than %d bytes: %w", path, largest, fault.ErrInvalid)
	}
	return b[:n], nil
}

// parse reads the description of a network: a list of plugins, or one plugin by itself.
func parse(b []byte) (network, error) {
	var text map[string]any
	if err := json.Unmarshal(b, &text); err != nil {
		return network{}, fmt.Errorf("not the JSON of a network: %w: %w", err, fault.ErrInvalid)
	}
	var n network
	n.name, _ = text["name"].(string)
	n.version, _ = text["cniVersion"].(string)
	if err := utils.ValidateNetworkName(n.name); err != nil {
		return network{}, fmt.Errorf("a network needs a \"name\" of letters, digits, dots, dashes and underscores, not %q: %w", n.name, fault.ErrInvalid)
	}
	list, isList := text["plugins"].([]any)
	if !isList {
		list = []any{text}
	}
	for _, one := range list {
		plugin, ok := one.(map[string]any)
		if !ok {
			return network{}, fmt.Errorf("network %q: a plugin is an object with a \"type\": %w", n.name, fault.ErrInvalid)
		}
		if err := n.add(plugin); err != nil {
			return network{}, fmt.Errorf("network %q: %w", n.name, err)
		}
	}
	if len(n.plugins) == 0 {
		return network{}, fmt.Errorf("network %q has no plugins: %w", n.name, fault.ErrInvalid)
	}
	n.dns = dnsOf(text)
	if n.version == "" {
		n.version = "0.1.0" // as the specification has it
	}
	return n, nil
}

// add takes one more plugin, or what takes the place of Mesos' port mapper.
func (n *network) add(plugin map[string]any) error {
	kind, _ := plugin["type"].(string)
	switch {
	case kind == "" || strings.ContainsRune(kind, '/'):
		return fmt.Errorf("a plugin needs a \"type\", the name of its program, not %q: %w", kind, fault.ErrInvalid)
	case kind != portMapper:
		n.plugins = append(n.plugins, plugin)
		return nil
	}
	delegate, ok := plugin["delegate"].(map[string]any)
	if !ok {
		return fmt.Errorf("%s needs the plugin that it is to call as \"delegate\": %w", portMapper, fault.ErrInvalid)
	}
	if v, ok := delegate["cniVersion"].(string); ok && n.version == "" {
		n.version = v
	}
	// Before this version plugins did not hear what those before them did.
	if n.version == "" || n.version < "0.3" {
		n.version = "0.3.1"
	}
	ports := map[string]any{"type": "portmap", "capabilities": map[string]any{"portMappings": true}, "snat": true}
	switch devices, _ := plugin["excludeDevices"].([]any); len(devices) {
	case 0:
	case 1:
		not := []any{"!", "-i", devices[0]}
		ports["conditionsV4"], ports["conditionsV6"] = not, not
	default:
		return fmt.Errorf("%s can exclude one device, not %d: %w", portMapper, len(devices), fault.ErrInvalid)
	}
	if err := n.add(delegate); err != nil {
		return err
	}
	n.plugins = append(n.plugins, ports)
	return nil
}

// dnsOf is what a description says of name servers itself, for plugins that do not pass it on.
func dnsOf(text map[string]any) (dns types.DNS) {
	for _, at := range []map[string]any{text, inner(text, "delegate")} {
		if b, err := json.Marshal(at["dns"]); err == nil && at["dns"] != nil {
			if json.Unmarshal(b, &dns) == nil && !dns.IsEmpty() {
				return dns
			}
		}
	}
	return types.DNS{}
}

func inner(m map[string]any, key string) map[string]any {
	v, _ := m[key].(map[string]any)
	return v
}

// maps tells whether a plugin of the network maps ports.
func (n network) maps() bool {
	return slices.ContainsFunc(n.plugins, func(p map[string]any) bool { return inner(p, "capabilities")["portMappings"] == true })
}

// list is what libcni takes, with what the container asked for in each plugin's "args", where plugins for Mesos look for it.
func (n network) list(info *mesospb.NetworkInfo) (*libcni.NetworkConfigList, error) {
	b, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(info)
	if err != nil {
		return nil, err
	}
	var asked any
	if err := json.Unmarshal(b, &asked); err != nil {
		return nil, err
	}
	var plugins []any
	for _, p := range n.plugins {
		p, args := maps.Clone(p), maps.Clone(inner(p, "args"))
		if args == nil {
			args = map[string]any{}
		}
		args["org.apache.mesos"] = map[string]any{"network_info": asked}
		p["args"] = args
		plugins = append(plugins, p)
	}
	b, err = json.Marshal(map[string]any{"name": n.name, "cniVersion": n.version, "plugins": plugins})
	if err != nil {
		return nil, err
	}
	return libcni.NetworkConfFromBytes(b)
}

// directories checks the two flags when the agent starts.
func directories(plugins, config string) error {
	switch {
	case plugins == "" && config == "":
		return nil
	case plugins == "":
		return fmt.Errorf("--network_cni_config_dir is given without --network_cni_plugins_dir, the directories of plugins with colons between them: %w", fault.ErrInvalid)
	case config == "":
		return fmt.Errorf("--network_cni_plugins_dir is given without --network_cni_config_dir, the directory of descriptions of networks: %w", fault.ErrInvalid)
	}
	var errs []error
	for flag, dirs := range map[string][]string{"plugins": filepath.SplitList(plugins), "config": {config}} {
		for _, d := range dirs {
			if info, err := os.Stat(d); err != nil || !info.IsDir() {
				errs = append(errs, fmt.Errorf("--network_cni_%s_dir: %s is not a directory: %w", flag, d, errors.Join(fs.ErrNotExist, fault.ErrInvalid)))
			}
		}
	}
	return errors.Join(errs...)
}

package cni

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Prepare implements isolators.Isolator.
func (i *Isolator) Prepare(ctx context.Context, c *isolators.Container, plan *isolators.Plan) error {
	asked := wanted(c)
	name, err := nameOf(c.Info.GetHostname(), c.ID)
	if err != nil {
		return err
	}
	switch above := i.network(c.Parent); {
	case len(asked) > 0:
		err = i.own(ctx, c, plan, name, asked)
	case above != nil:
		err = i.shared(c, plan, name, above)
	default:
		err = i.machines(c, plan, name)
	}
	return err
}

// wanted are the networks that a container asks for. One without a name is the machine's, and whoever looks at a container from
// inside is where that one is.
func wanted(c *isolators.Container) (named []*mesospb.NetworkInfo) {
	if c.Debug {
		return nil
	}
	for _, n := range c.Info.GetNetworkInfos() {
		if n.GetName() != "" {
			named = append(named, n)
		}
	}
	return named
}

// own gives a container a network namespace and connects it.
func (i *Isolator) own(ctx context.Context, c *isolators.Container, plan *isolators.Plan, name string, asked []*mesospb.NetworkInfo) error {
	if t := c.Info.GetType(); t != mesospb.ContainerInfo_MESOS {
		return fmt.Errorf("a container of type %v cannot join networks by name: use the type MESOS: %w", t, fault.ErrInvalid)
	}
	if err := portsAreIts(c, asked); err != nil {
		return err
	}
	found, err := i.known(asked)
	if err != nil {
		return err
	}
	b, err := i.begin(c.ID, name, asked)
	if err != nil {
		return err
	}
	if err := i.attach(ctx, b, found); err != nil {
		return err
	}
	if err := i.names(b.ID, name, b.ips(), i.resolver(b, found)); err != nil {
		return err
	}
	i.keep(b) // whole: from now on it is asked about at any time
	plan.Enter(isolators.Namespace{Kind: unix.CLONE_NEWNET, Path: i.store.ns(b.ID), Inode: b.inode})
	named(plan, name)
	environment(plan, c, b.ips())
	mount(plan, i.store.dir(b.ID), hosts, hostname, resolver)
	return nil
}

// shared puts a container into the network namespace of the one that it is in, with its names unless it asked for another.
func (i *Isolator) shared(c *isolators.Container, plan *isolators.Plan, name string, above *box) error {
	plan.Enter(isolators.Namespace{Kind: unix.CLONE_NEWNET, Path: i.store.ns(above.ID), Inode: above.inode})
	environment(plan, c, above.ips())
	if c.Debug { // in everything else of its parent too
		return nil
	}
	if c.Info.GetHostname() == "" {
		named(plan, above.Hostname)
		mount(plan, i.store.dir(above.ID), hosts, hostname, resolver)
		return nil
	}
	if err := i.renamed(c.ID, name, above.ips()); err != nil {
		return err
	}
	named(plan, name)
	mount(plan, i.store.dir(c.ID), hosts, hostname)
	mount(plan, i.store.dir(above.ID), resolver)
	return nil
}

// machines leaves a container in the machine's network. With a root of its own it has to be told the machine's names, which
// it may read and nothing else.
func (i *Isolator) machines(c *isolators.Container, plan *isolators.Plan, name string) error {
	if c.Debug {
		return nil
	}
	if c.Info.GetHostname() != "" {
		if err := i.renamed(c.ID, name, nil); err != nil {
			return err
		}
		named(plan, name)
		mount(plan, i.store.dir(c.ID), hosts, hostname)
	} else if plan.RootFS != "" {
		mount(plan, "/etc", hosts, hostname)
	}
	if plan.RootFS != "" {
		mount(plan, "/etc", resolver)
	}
	return nil
}

// portsAreIts refuses ports of the machine that are not the container's: a mapping would take them away from whoever listens
// there, the agent or sshd included.
func portsAreIts(c *isolators.Container, asked []*mesospb.NetworkInfo) error {
	own := resources.FromValid(slices.Concat(c.Resources, c.Top().Resources)).Ports()
	for _, n := range asked {
		for _, m := range n.GetPortMappings() {
			if p := m.GetHostPort(); !own.Has(uint64(p)) {
				return fmt.Errorf("port %d of the machine is not among the container's resources (ports:%v): map a port that was offered: %w", p, own, fault.ErrInvalid)
			}
			if p := m.GetContainerPort(); p == 0 || p > 65535 {
				return fmt.Errorf("a container has no port %d: use 1 to 65535: %w", p, fault.ErrInvalid)
			}
			if p := protocol(m); p != "tcp" && p != "udp" && p != "sctp" {
				return fmt.Errorf("ports of the protocol %q cannot be mapped: use tcp, udp or sctp: %w", p, fault.ErrInvalid)
			}
		}
	}
	return nil
}

func protocol(m *mesospb.NetworkInfo_PortMapping) string {
	if p := strings.ToLower(m.GetProtocol()); p != "" {
		return p
	}
	return "tcp"
}

// known finds the networks among those that are described now, so that operators may add and change them at any time.
func (i *Isolator) known(asked []*mesospb.NetworkInfo) ([]network, error) {
	if i.config == "" {
		return nil, fmt.Errorf("unknown CNI network %q: this agent has no networks: start it with --network_cni_plugins_dir and --network_cni_config_dir: %w",
			asked[0].GetName(), fault.ErrInvalid)
	}
	all, err := networks(i.config, func(file string, err error) {
		i.log.Warn("no network is read from a file", "file", file, "error", err)
	})
	if err != nil {
		return nil, err
	}
	var found []network
	for n, info := range asked {
		one, ok := all[info.GetName()]
		if !ok {
			return nil, fmt.Errorf("unknown CNI network %q: no file in %s describes it: %w", info.GetName(), i.config, fault.ErrInvalid)
		}
		if slices.ContainsFunc(asked[:n], func(o *mesospb.NetworkInfo) bool { return o.GetName() == info.GetName() }) {
			return nil, fmt.Errorf("attempted to join CNI network %q multiple times: name it once: %w", info.GetName(), fault.ErrInvalid)
		}
		if len(info.GetPortMappings()) > 0 && !one.maps() {
			i.log.Warn("a container asks for ports, but no plugin of its network says that it maps any (capabilities.portMappings)", "network", one.name)
		}
		found = append(found, one)
	}
	return found, nil
}

// begin writes down what is about to be made.
func (i *Isolator) begin(id, name string, asked []*mesospb.NetworkInfo) (*box, error) {
	b := &box{record: record{ID: id, Hostname: name}}
	for n, info := range asked {
		text, err := protojson.Marshal(info)
		if err != nil {
			return nil, fmt.Errorf("network %s: %w", info.GetName(), err)
		}
		b.Networks = append(b.Networks, attachment{Network: info.GetName(), Interface: fmt.Sprintf("eth%d", n), Info: text})
	}
	if err := writeJSON(i.store.record(id), b.record); err != nil {
		return nil, fmt.Errorf("note the networks of container %s: %w", id, err)
	}
	return b, nil
}

// renamed gives a container a name of its own without a network of its own.
func (i *Isolator) renamed(id, name string, ips []string) error {
	b, err := i.begin(id, name, nil)
	if err != nil {
		return err
	}
	if err := i.names(id, name, ips, ""); err != nil {
		return err
	}
	i.keep(b)
	return nil
}

// names writes the files by which a container knows names.
func (i *Isolator) names(id, name string, ips []string, resolv string) error {
	for file, text := range map[string]string{hosts: hostsFile(name, ips), hostname: name + "\n", resolver: resolv} {
		if err := write(filepath.Join(i.store.dir(id), file), []byte(text), 0o644); err != nil {
			return fmt.Errorf("the %s of container %s: %w", file, id, err)
		}
	}
	return nil
}

// resolver is a container's resolv.conf: what the last of its networks says that says anything, its plugins first; else what
// the operator has set for such networks; else the machine's.
func (i *Isolator) resolver(b *box, found []network) string {
	for n := len(found) - 1; n >= 0; n-- {
		if r := b.Networks[n].result; r != nil && !r.DNS.IsEmpty() {
			return resolverFile(r.DNS)
		}
		if d := found[n].dns; !d.IsEmpty() {
			return resolverFile(d)
		}
	}
	for n := len(found) - 1; n >= 0; n-- {
		if d := i.defaults.of(found[n].name); !d.IsEmpty() {
			return resolverFile(d)
		}
	}
	return machineResolver("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")
}

func named(plan *isolators.Plan, name string) {
	plan.New(unix.CLONE_NEWUTS)
	plan.Hostname = name
}

// environment tells the container its first address. Mesos' own library binds to every address in such a container, because
// the machine's is not there.
func environment(plan *isolators.Plan, c *isolators.Container, ips []string) {
	set := func(key, value string) {
		for _, v := range c.Command.GetEnvironment().GetVariables() {
			if v.GetName() == key {
				return
			}
		}
		plan.Env = slices.DeleteFunc(plan.Env, func(s string) bool { return strings.HasPrefix(s, key+"=") })
		plan.Env = append(plan.Env, key+"="+value)
	}
	set("LIBPROCESS_IP", "0.0.0.0")
	if len(ips) > 0 {
		set("MESOS_CONTAINER_IP", ips[0])
	}
}

// mount puts files over those of the container's /etc. Nobody in it may write to them: they lie on the machine's disk, where
// no quota counts them.
func mount(plan *isolators.Plan, dir string, files ...string) {
	plan.New(unix.CLONE_NEWNS)
	for _, f := range files {
		source := filepath.Join(dir, f)
		if _, err := os.Stat(source); err != nil {
			continue // a machine without /etc/hostname
		}
		plan.Mounts = append(plan.Mounts, isolators.Mount{
			Source: source, Target: "/etc/" + f, Type: "bind",
			Flags: unix.MS_BIND | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC,
			// A root of its own need not have them; where the machine has none, the container needs none.
			Make: plan.RootFS != "", Optional: plan.RootFS == "",
		})
	}
}

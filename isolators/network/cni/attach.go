package cni

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containernetworking/cni/libcni"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/utils"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/network/netns"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// attach makes a network namespace and calls the plugins of each network for it.
func (i *Isolator) attach(ctx context.Context, b *box, found []network) error {
	inode, err := netns.New(i.store.ns(b.ID))
	if err != nil {
		return err
	}
	b.inode = inode
	for n := range b.Networks {
		a := &b.Networks[n]
		if err := i.join(ctx, b.ID, a, found[n]); err != nil {
			return fmt.Errorf("network %s: %w", a.Network, err)
		}
	}
	return nil
}

func (i *Isolator) join(ctx context.Context, id string, a *attachment, n network) error {
	list, err := n.list(a.asked())
	if err != nil {
		return err
	}
	// From here on there may be something to undo.
	if err := write(i.store.conf(id, a.Network), list.Bytes, 0o600); err != nil {
		return err
	}
	answer, err := i.plugged(id).AddNetworkList(ctx, list, i.runtime(id, *a))
	if err != nil {
		return err
	}
	if answer == nil {
		return errors.New("its plugins answered nothing")
	}
	if a.result, err = types100.NewResultFromResult(answer); err != nil {
		return fmt.Errorf("what its plugins answered: %w", err)
	}
	return writeJSON(i.store.info(id, a.Network, a.Interface), a.result)
}

// runtime is what plugins are told of a container. The same is told to undo, also when its namespace is gone, as after a
// restart of the machine.
func (i *Isolator) runtime(id string, a attachment) *libcni.RuntimeConf {
	rt := &libcni.RuntimeConf{ContainerID: forPlugins(id), IfName: a.Interface}
	if _, err := netns.Inode(i.store.ns(id)); err == nil {
		rt.NetNS = i.store.ns(id)
	}
	if ports := mappings(a.asked()); len(ports) > 0 {
		rt.CapabilityArgs = map[string]any{"portMappings": ports}
	}
	return rt
}

func mappings(info *mesospb.NetworkInfo) (ports []map[string]any) {
	for _, m := range info.GetPortMappings() {
		ports = append(ports, map[string]any{"hostPort": m.GetHostPort(), "containerPort": m.GetContainerPort(), "protocol": protocol(m)})
	}
	return ports
}

// forPlugins is a container's id, or, where CNI does not take it, something as unique.
func forPlugins(id string) string {
	if utils.ValidateContainerID(id) == nil {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "meseta-" + hex.EncodeToString(sum[:16])
}

// find takes up a container of an earlier agent process.
func (i *Isolator) find(c *isolators.Container) error {
	r, ok, err := i.store.read(c.ID)
	if err != nil || !ok {
		return err
	}
	b := &box{record: r}
	if len(r.Networks) > 0 {
		if b.inode, err = i.namespace(c); err != nil {
			// The container lives as it is; only nobody can join it, and its addresses are not told.
			i.log.Warn("the network namespace of a container is gone", "container", c.ID, "error", err)
			return nil
		}
	}
	i.keep(b)
	return nil
}

// namespace is a container's network namespace. An agent that has come back in another mount namespace, as systemd may give it
// one, does not find what the earlier one has mounted, but what the container is in.
func (i *Isolator) namespace(c *isolators.Container) (uint64, error) {
	inode, err := netns.Inode(i.store.ns(c.ID))
	if err == nil || c.PID == 0 {
		return inode, err
	}
	return netns.Adopt(fmt.Sprintf("/proc/%d/ns/net", c.PID), i.store.ns(c.ID))
}

// Cleanup implements isolators.Isolator.
func (i *Isolator) Cleanup(ctx context.Context, c *isolators.Container) error {
	i.forget(c.ID)
	return i.detach(ctx, c.ID)
}

// detach has the plugins undo what they did, in reverse, and removes the namespace and the files. What cannot be undone stays
// written down, without the namespace, and is tried again.
func (i *Isolator) detach(ctx context.Context, id string) error {
	if _, err := os.Lstat(i.store.dir(id)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r, _, err := i.store.read(id)
	if err != nil {
		// Answers that cannot be read are not needed to undo.
		i.log.Warn("a container's networks cannot be read", "container", id, "error", err)
	}
	var errs []error
	for n := len(r.Networks) - 1; n >= 0; n-- {
		if err := i.leave(ctx, id, r.Networks[n]); err != nil {
			errs = append(errs, fmt.Errorf("network %s: %w", r.Networks[n].Network, err))
		}
	}
	errs = append(errs, netns.Remove(i.store.ns(id)))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return os.RemoveAll(i.store.dir(id))
}

// leave undoes one network, if its plugins were ever called.
func (i *Isolator) leave(ctx context.Context, id string, a attachment) error {
	conf := i.store.conf(id, a.Network)
	b, err := os.ReadFile(conf)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	list, err := libcni.NetworkConfFromBytes(b)
	if err != nil {
		return err
	}
	if err := i.plugged(id).DelNetworkList(ctx, list, i.runtime(id, a)); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Dir(conf))
}

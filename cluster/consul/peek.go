package consul

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
)

// Peek reads the registry as it was between two writes, without leading and whoever does, and the epoch of the newest
// term. A cluster that nobody has led yet has nothing and epoch 0.
func (c *Cluster) Peek(ctx context.Context) ([]cluster.Entry, uint64, error) {
	servers := ring{servers: c.config.Servers}
	var last error
	for range 3 * len(c.config.Servers) {
		entries, before, err := c.peek(ctx, servers.server())
		if err == nil {
			var after Mark
			if after, err = c.at(ctx, servers.server()); err == nil && before == after {
				return entries, before.Epoch, nil
			}
		}
		if err == nil {
			err = fmt.Errorf("it is written to all the time: %w", fault.ErrUnavailable)
		} else {
			servers.next()
		}
		if last = err; ctx.Err() != nil {
			break
		}
	}
	return nil, 0, fmt.Errorf("reading the registry in %s: %w", c.config, last)
}

// Held is the address of the master that holds the lock now, "" for none: also one that is dead, until its session has
// expired.
func (c *Cluster) Held(ctx context.Context) (string, error) {
	servers := ring{servers: c.config.Servers}
	var last error
	for range 2 * len(c.config.Servers) {
		r, err := c.wire.Wait(ctx, servers.server(), c.look(), requestTimeout)
		if err == nil {
			s, err := c.state(r)
			if err != nil || s.leader.Session == "" {
				return "", err
			}
			return s.record.UPID, nil
		}
		servers.next()
		if last = unread(err); ctx.Err() != nil {
			break
		}
	}
	return "", fmt.Errorf("who leads in %s: %w", c.config, last)
}

// at is how far the cluster has come.
func (c *Cluster) at(ctx context.Context, server string) (Mark, error) {
	r, err := c.wire.Wait(ctx, server, c.look(), requestTimeout)
	if err != nil {
		return Mark{}, unread(err)
	}
	s, err := c.state(r)
	return s.mark.Mark, err
}

func (c *Cluster) peek(ctx context.Context, server string) (entries []cluster.Entry, before Mark, err error) {
	if before, err = c.at(ctx, server); err != nil {
		return nil, before, err
	}
	prefix := c.registryPrefix()
	names, err := c.wire.Wait(ctx, server, Keys{Prefix: prefix}, loadTimeout)
	if err != nil {
		return nil, before, unread(err)
	}
	for _, page := range pages(names.Keys, prefix, pageKeys) {
		r, err := c.wire.Wait(ctx, server, Txn{Ops: []Op{{Verb: GetTree, Key: page}}}, loadTimeout)
		if err != nil {
			return nil, before, unread(err)
		}
		if len(r.Refused) > 0 {
			return nil, before, refusal(r.Refused[0])
		}
		for _, p := range r.Pairs {
			key, err := unescape(strings.TrimPrefix(p.Key, prefix))
			if err != nil {
				return nil, before, fmt.Errorf("registry key %q: %w", p.Key, err)
			}
			entries = append(entries, cluster.Entry{Key: key, Value: append([]byte{}, p.Value...)})
		}
	}
	slices.SortFunc(entries, func(a, b cluster.Entry) int { return strings.Compare(a.Key, b.Key) })
	if len(entries) != len(names.Keys) || !distinct(entries) {
		before.Sequence-- // which nothing is at: read again
	}
	return entries, before, nil
}

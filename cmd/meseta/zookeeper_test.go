package main_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/meseta-io/meseta/tools/zookeepers"
)

// TestZooKeeperShowsTheWay: a master publishes itself in a real ZooKeeper, and an agent and commands that know nothing but
// ZooKeeper's address find it, and the one that comes after it at another address.
func TestZooKeeperShowsTheWay(t *testing.T) {
	t.Parallel()
	z, err := zookeepers.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(z.Close)
	c := &testCluster{t: t, dir: t.TempDir(), ip: loopback()}
	t.Cleanup(c.clean)
	zk := "--zk=zk://" + z.Addr + "/mesos"
	c.startMaster("0", zk)
	first := c.at
	c.at = strings.TrimPrefix(zk, "--zk=")
	c.startAgent("0")
	c.meseta("run", "-q", "--", "echo one").says(0, "one")
	c.meseta("status").says(0, `Leader +`+first)

	c.master.signal(syscall.SIGTERM)
	c.master.ends(0)
	c.startMaster("0", zk)
	second := c.at
	c.at = strings.TrimPrefix(zk, "--zk=")
	await(t, "the agent at the next master", func() bool {
		return strings.Contains(c.meseta("status", "-o", "json").out.String(), `"active":1`)
	})
	c.meseta("status").says(0, `Leader +`+second)
	c.meseta("run", "-q", "--", "echo two").says(0, "two")
}

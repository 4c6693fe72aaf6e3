package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// held is what -o json says of a snapshot.
type held struct {
	Cluster string
	Epoch   uint64
	Entries int
	SHA256  string
	Counts  map[string]int
	Agents  []struct{ ID, Host, State string }
}

func (c *testCluster) looksInto(name string) (h held) {
	c.t.Helper()
	p := c.meseta("snapshot", "inspect", "-o", "json", name).says(0)
	if err := json.Unmarshal([]byte(p.out.String()), &h); err != nil {
		c.t.Fatalf("%v\n%s", err, p.out)
	}
	return h
}

// TestSnapshotsBringAClusterBack saves the registry of a master at work, loses the master with all that it had, restores
// elsewhere and goes on there: the agent is known, by its id, with its task, and the epoch has grown.
func TestSnapshotsBringAClusterBack(t *testing.T) {
	t.Parallel()
	c := newLastingCluster(t)
	id, p := c.job("job", "echo in; sleep 1000")
	defer p.signal(syscall.SIGINT)
	agent := c.idOf("a.example")

	c.meseta("snapshot", "save", "--work_dir=M", "--cluster=east", "one.snapshot").says(0, `one.snapshot: 2 records, \d+ B, of epoch 1, from /.*/M\n`)
	c.meseta("snapshot", "save", "--work_dir=M", "one.snapshot").says(1, "one.snapshot is there already; name another file, or say --overwrite")
	info, err := os.Stat(filepath.Join(c.dir, "one.snapshot"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the snapshot is %v, %v", info.Mode(), err)
	}
	if h := c.looksInto("one.snapshot"); h.Cluster != "east" || h.Epoch != 1 || h.Entries != 2 || len(h.SHA256) != 64 || h.Counts["agents"] != 1 ||
		len(h.Agents) != 1 || h.Agents[0].ID != agent || h.Agents[0].Host != "a.example" || h.Agents[0].State != "admitted" {
		t.Errorf("the snapshot holds %+v", h)
	}
	c.meseta("snapshot", "inspect", "one.snapshot").says(0, `Cluster +east`, `Epoch +1`, `Last leader +master@`+c.at, agent+` +a.example +admitted`)

	c.meseta("snapshot", "restore", "--work_dir=M", "--overwrite", "one.snapshot").says(1, "in use: another master runs in")
	c.master.signal(syscall.SIGKILL)
	c.master.code()
	if err := os.RemoveAll(filepath.Join(c.dir, "M")); err != nil {
		t.Fatal(err)
	}
	c.meseta("snapshot", "save", "--work_dir=M", "two.snapshot").says(1, "there is no registry in .*: no master has led there")
	c.meseta("snapshot", "restore", "--work_dir=M", "--dry_run", "one.snapshot").says(0, "holds no registry", "restoring sets 2 records, deletes 0, leaves 0", "nothing was changed")
	c.meseta("snapshot", "restore", "--work_dir=M", "one.snapshot").says(0, "restored; the next epoch is larger than 1: start the masters")
	_, port, _ := bytes.Cut([]byte(c.at), []byte(":"))
	c.startMaster(string(port))
	await(t, "the agent with its task", func() bool {
		var tasks struct {
			Tasks []struct {
				TaskID  struct{ Value string } `json:"task_id"`
				AgentID struct{ Value string } `json:"agent_id"`
			}
		}
		p := c.meseta("tasks", "-o", "json")
		return json.Unmarshal([]byte(p.out.String()), &tasks) == nil && len(tasks.Tasks) == 1 && tasks.Tasks[0].TaskID.Value == id && tasks.Tasks[0].AgentID.Value == agent
	})
	c.meseta("snapshot", "save", "--work_dir=M", "two.snapshot").says(0)
	if h := c.looksInto("two.snapshot"); h.Epoch <= 1 || h.Counts["agents"] != 1 || h.Agents[0].ID != agent {
		t.Errorf("afterwards it holds %+v", h)
	}
}

// TestSnapshotsAreNotTakenForWhatTheyAreNot: what is newer is not overwritten by mistake, and damaged files are refused.
func TestSnapshotsAreNotTakenForWhatTheyAreNot(t *testing.T) {
	t.Parallel()
	c := &testCluster{t: t, dir: t.TempDir(), ip: loopback()}
	for n := range 3 {
		c.startMaster("0")
		await(t, "epoch "+strconv.Itoa(n+1), func() bool { return c.meseta("status").cmd.ProcessState.Success() })
		c.master.signal(syscall.SIGTERM)
		c.master.ends(0)
		c.meseta("snapshot", "save", "--work_dir=M", "epoch"+strconv.Itoa(n+1)).says(0)
	}
	c.meseta("snapshot", "restore", "--work_dir=M", "epoch1").says(1, `holds 1 record of epoch 3`, `the snapshot holds 1 record of epoch 1, of 20`,
		"there is a registry in .*, newer than the snapshot: --overwrite replaces it; save it first")
	c.meseta("snapshot", "restore", "--work_dir=M", "--dry_run", "epoch1").says(0, "restoring sets 1 record, deletes 0, leaves 0", "nothing was changed")
	c.meseta("snapshot", "restore", "--work_dir=M", "--overwrite", "epoch1").says(0, "restored; the next epoch is larger than 4")
	whole, err := os.ReadFile(filepath.Join(c.dir, "epoch1"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"cut": whole[:len(whole)-1], "turned": bytes.Replace(whole, []byte("master@"), []byte("Master@"), 1)} {
		if err := os.WriteFile(filepath.Join(c.dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"inspect", "restore"} {
			c.meseta("snapshot", command, name).says(1, "meseta: "+name+": the snapshot is (cut off|damaged: its checksum is not that of what it holds)\n")
		}
	}
	c.meseta("snapshot", "inspect", "nowhere").says(1, "nowhere: no such file")
	c.meseta("snapshot", "restore", "--election=etcd://x", "epoch1").says(2, "--election=etcd://x: standalone")
	c.meseta("snapshot", "repair").says(2, "meseta snapshot knows inspect, restore, save, but not repair")
}

package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write puts files into a directory, for their owner alone.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A cluster that asks everybody who they are, with credentials in real files.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"known.json": `{"credentials": [{"principal": "a-team", "secret": "hunter2"}, {"principal": "bob", "secret": "apple"}]}`,
		"agent.json": `{"principal": "a-team", "secret": "hunter2"}`,
		"agent.txt":  "a-team hunter2\n",
		"bob":        "bob apple\n",
		"wrong":      "bob hunter3\n",
	})
	master := start(t, dir, "master", "--ip=127.0.0.1", "--port=0", "--work_dir=M", "--authenticate_agents", "--authenticate-frameworks",
		"--credentials=file://"+filepath.Join(dir, "known.json"))
	at := master.sees(master.out, `listening on (\S+),`)
	agent := func(work, credential string) *program {
		return start(t, dir, "agent", "--master="+at, "--ip=127.0.0.1", "--port=0", "--work_dir="+work, "--hostname="+work,
			"--registration_backoff_factor=10ms", "--resources=cpus:4;mem:4096", "--no-switch_user", "--credential="+credential)
	}
	for _, file := range []string{"agent.json", "agent.txt"} {
		t.Run("an agent with "+file+" is admitted", func(t *testing.T) {
			a := agent("A-"+file, file)
			a.sees(a.err, `a member of the cluster`)
		})
	}
	t.Run("one with a wrong secret ends, and says why", func(t *testing.T) {
		a := agent("W", "wrong")
		if code := a.code(); code == 0 {
			t.Error("it ended with 0")
		}
		a.sees(a.err, `refused to authenticate this agent as "bob"`)
	})
	t.Run("one with a file that is not there does not start", func(t *testing.T) {
		a := agent("N", "nowhere")
		a.code()
		a.sees(a.err, `--credential: open nowhere: no such file`)
	})
	run := func(more ...string) *program {
		return start(t, dir, append(append([]string{"run", "--master=" + at}, more...), "--", "echo hi")...)
	}
	t.Run("a run with a credential runs", func(t *testing.T) {
		p := run("--credential=bob").ends(0)
		if !strings.Contains(p.out.String(), "hi") {
			t.Error("it printed nothing")
		}
	})
	t.Run("a run without one is told why not", func(t *testing.T) {
		p := run()
		if p.code() == 0 {
			t.Error("it ended with 0")
		}
		p.sees(p.err, `not authenticated`)
	})
	if said := master.out.String() + master.err.String(); strings.Contains(said, "hunter") || strings.Contains(said, "apple") {
		t.Errorf("the master tells a secret: %s", said)
	}
}

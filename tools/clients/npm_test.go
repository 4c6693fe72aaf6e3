package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestNpmMesosFramework runs three tasks with the npm package mesos-framework, which speaks JSON, takes a chunk for a
// record, sends no Accept, and says null for what it does not set.
func TestNpmMesosFramework(t *testing.T) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is not installed; this test runs a client that is written for Node.js: install Node.js 20 or later, with npm", tool)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "driver.js"} {
		data, err := os.ReadFile(filepath.Join("npm", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").succeeds()
	start(t, dir, "node", "driver.js", cluster(t), "3", "test -n \"$HOST\"").succeeds()
}

// Package built builds the program for tests that run it as their users do.
package built

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Run builds meseta with the flags of go build into a directory of its own, has *program name it, runs the tests and
// removes it. It returns the status that TestMain ends with.
func Run(m *testing.M, program *string, flags ...string) int {
	dir, err := os.MkdirTemp("", "meseta-built-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	*program = filepath.Join(dir, "meseta")
	build := append(append([]string{"build"}, flags...), "-o", *program, "github.com/meseta-io/meseta/cmd/meseta")
	if out, err := exec.Command("go", build...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build meseta: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

package bpf

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What is committed is what clang makes of the source that is committed.
func TestObjectsAreCurrent(t *testing.T) {
	if _, err := exec.LookPath("clang-14"); err != nil {
		t.Skip("missing here: clang-14 (Debian: clang-14, llvm-14, libbpf-dev)")
	}
	text, err := os.ReadFile("generate.go")
	if err != nil {
		t.Fatal(err)
	}
	made := t.TempDir()
	lines := 0
	for line := range strings.Lines(string(text)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "//go:generate ")
		if !ok {
			continue
		}
		lines++
		run := exec.Command("sh", "-c", strings.Replace(command, "bpf2go", "bpf2go -output-dir '"+made+"'", 1))
		run.Env = append(os.Environ(), "GOPACKAGE=bpf")
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	files, _ := filepath.Glob(filepath.Join(made, "*"))
	if len(files) != 2*lines || lines == 0 {
		t.Fatalf("%d lines made %v", lines, files)
	}
	for _, f := range files {
		want, _ := os.ReadFile(f)
		if got, err := os.ReadFile(filepath.Base(f)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what its source says (%v): go generate ./isolators/accounting/bpf", filepath.Base(f), err)
		}
	}
}

// Command logs lists every line that masters and agents log, and keeps docs/logs.md in step with the code: which message,
// at which level, with which keys. Programs read logs by these, so a message is a constant and a key means the same everywhere.
//
//	go run ./tools/logs -update
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "the repository's root folder")
	update := flag.Bool("update", false, "write docs/logs.md anew")
	flag.Parse()
	if err := run(*root, *update); err != nil {
		fmt.Fprintln(os.Stderr, "logs:", err)
		os.Exit(1)
	}
}

func run(root string, update bool) error {
	name := filepath.Join(root, "docs", "logs.md")
	was, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	lines, faults := Read(os.DirFS(root))
	for _, f := range faults {
		fmt.Fprintln(os.Stderr, "logs:", f)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d line(s) of the log break the rules", len(faults))
	}
	now, err := Insert(was, lines)
	switch {
	case err != nil:
		return err
	case bytes.Equal(was, now):
		return nil
	case !update:
		return fmt.Errorf("docs/logs.md is not what the code logs: go run ./tools/logs -update")
	}
	return os.WriteFile(name, now, 0o644)
}

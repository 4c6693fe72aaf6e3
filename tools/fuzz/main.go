// Command fuzz runs every fuzz target of the repository for a while, one after the other, which the go
// command does not do by itself.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	each := flag.Duration("time", 20*time.Second, "how long each target runs")
	flag.Parse()
	targets, err := find(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(2)
	}
	failed := 0
	for _, t := range targets {
		fmt.Printf("fuzz %s %s\n", t.dir, t.name)
		c := exec.Command("go", "test", "./"+t.dir, "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(),
			// Go shrinks every interesting input for up to a minute and counts nothing meanwhile, which looks like a hang and
			// leaves no time to search where inputs are large.
			"-fuzzminimizetime", "1s")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if c.Run() != nil {
			failed++
		}
	}
	fmt.Printf("%d fuzz targets, %d failed\n", len(targets), failed)
	if failed > 0 {
		os.Exit(1)
	}
}

type target struct{ dir, name string }

var declared = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)

func find(root string) ([]target, error) {
	var targets []target
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range declared.FindAllStringSubmatch(string(src), -1) {
			targets = append(targets, target{filepath.Dir(path), m[1]})
		}
		return nil
	})
	return targets, err
}

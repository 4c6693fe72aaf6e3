// Command replay plays recorded exchanges with a real Mesos against Meseta and compares the answers: status,
// headers, keys, types and values. The recordings are in testdata, one JSON object for each exchange; replay.py
// plays and compares them; this command brings up the servers for it, from a binary that it builds.
//
//	go run ./tools/replay [-only regexp] [-show n] [-report file] [name ...]
//
// A name is that of a recording, such as scheduler-calls; without one all are played. What differs on purpose is
// listed with its reason in differences.tsv, and the tests of this package fail on everything else.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	if os.Getenv(bringUp) != "" {
		exit(restart())
	}
	only := flag.String("only", "", "a regular expression: play only exchanges whose id matches")
	show := flag.Int("show", 60, "print at most so many differences of each recording")
	report := flag.String("report", "", "a file for all differences, as JSON lines")
	binary := flag.String("binary", "", "the meseta to play against; empty: build it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, err := moduleRoot()
	if err != nil {
		exit(err)
	}
	if *binary == "" {
		if *binary, err = build(ctx, root, os.TempDir()); err != nil {
			exit(err)
		}
		defer os.Remove(*binary)
	}
	names := flag.Args()
	if len(names) == 0 {
		names = recordings(root)
	}
	differs := false
	for _, name := range names {
		d, err := play(ctx, job{root: root, binary: *binary, recording: name, only: *only, show: *show, report: *report, out: os.Stdout})
		if err != nil {
			exit(err)
		}
		differs = differs || len(hard(d)) > 0
	}
	if differs {
		os.Exit(1)
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(2)
	}
	os.Exit(0)
}

// moduleRoot is the directory with go.mod, at or above the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod here or above")
		}
	}
	return "", err
}

// recordings lists what there is to play.
func recordings(root string) (names []string) {
	files, _ := filepath.Glob(filepath.Join(root, "tools/replay/testdata/*.jsonl")) // the pattern is right
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".jsonl"))
	}
	return names
}

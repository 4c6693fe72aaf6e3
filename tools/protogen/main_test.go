package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const source = `syntax = "proto2";
package example;
option go_package = "github.com/meseta-io/meseta/messages/examplepb";
// A Pebble is a small stone.
message Pebble { optional string color = 1; }
`

// repository makes a root with one .proto file in it.
func repository(t *testing.T) (root string, put func(name, text string)) {
	root = t.TempDir()
	put = func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("messages/example/pebble.proto", source)
	return root, put
}

const generatedFile = "messages/examplepb/pebble.pb.go"

func TestGenerate(t *testing.T) {
	root, _ := repository(t)
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, generatedFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"package examplepb", "// A Pebble is a small stone.", "type Pebble struct"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("generated code lacks %q", want)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(root string, put func(name, text string))
		want  string // in the error; empty for no error
	}{
		{"current", func(string, func(string, string)) {}, ""},
		{"the .proto changed", func(_ string, put func(string, string)) {
			put("messages/example/pebble.proto", source+"message Rock {}")
		}, generatedFile + " is stale"},
		{"the code changed", func(_ string, put func(string, string)) { put(generatedFile, "package examplepb") }, generatedFile + " is stale"},
		{"the code is gone", func(root string, _ func(string, string)) { os.Remove(filepath.Join(root, generatedFile)) }, generatedFile + " is missing"},
		{"the .proto is gone", func(root string, put func(string, string)) {
			os.Remove(filepath.Join(root, "messages/example/pebble.proto"))
			put("messages/example/other.proto", strings.ReplaceAll(source, "Pebble", "Rock"))
		}, generatedFile + " comes from no .proto"},
		{"the .proto is broken", func(_ string, put func(string, string)) { put("messages/example/pebble.proto", "message {") }, "pebble.proto:1"},
	} {
		root, put := repository(t)
		if err := run(root, false); err != nil {
			t.Fatal(err)
		}
		c.spoil(root, put)
		err := run(root, true)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// What is committed in this repository is current.
func TestCommittedCodeIsCurrent(t *testing.T) {
	if err := run("../..", true); err != nil {
		t.Error(err)
	}
}

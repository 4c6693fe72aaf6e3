package standalone_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/clustertest"
	"github.com/meseta-io/meseta/cluster/standalone"
	"github.com/meseta-io/meseta/messages/fault"
)

func TestConformance(t *testing.T) {
	clustertest.Run(t, func(t *testing.T) clustertest.Subject { return open(t, t.TempDir()) })
}

func open(t *testing.T, dir string) clustertest.Subject {
	t.Helper()
	store, err := standalone.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return clustertest.Subject{Contender: store, Detector: store, Registry: store, Restart: func(t *testing.T) clustertest.Subject {
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		return open(t, dir)
	}}
}

func TestOpenRefuses(t *testing.T) {
	t.Run("a directory that another master uses", func(t *testing.T) {
		dir := t.TempDir()
		open(t, dir)
		_, err := standalone.Open(dir)
		if !errors.Is(err, fault.ErrConflict) || !strings.Contains(err.Error(), "another master") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("a directory that cannot be made", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := standalone.Open(filepath.Join(file, "below")); err == nil || !strings.Contains(err.Error(), "work directory") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("a file that is no registry", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "registry.db"), []byte(strings.Repeat("nonsense ", 2000)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := standalone.Open(dir); err == nil || !strings.Contains(err.Error(), "registry") {
			t.Fatalf("got %v", err)
		}
	})
}

func TestClosedStoreRefuses(t *testing.T) {
	store, err := standalone.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var why error
	store.Detect(nil, func(_ *cluster.Leader, err error) { why = err })
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(why, cluster.ErrClosed) {
		t.Errorf("a waiting detector got %v", why)
	}
	if err := store.Apply(t.Context(), nil, nil); !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("a write after the end got %v", err)
	}
}

func TestAt(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:5050":        "master@127.0.0.1:5050",
		"127.0.0.1":             "master@127.0.0.1:5050",
		"master@127.0.0.1:6000": "master@127.0.0.1:6000",
		"node.example:7":        "master@node.example:7",
		"[::1]:5050":            "master@[::1]:5050",
		"":                      "",
		":5050":                 "",
		"host:":                 "",
		"host:0":                "",
		"host:70000":            "",
		"host:http":             "",
		"a b:5050":              "",
		"a@b@c:5050":            "",
		"a,b":                   "",
		"http://host:5050":      "",
	} {
		detector, err := standalone.At(address)
		if want == "" {
			if !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%q was taken, or refused for another reason: %v", address, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", address, err)
			continue
		}
		var got *cluster.Leader
		detector.Detect(nil, func(l *cluster.Leader, _ error) { got = l })
		if got == nil || got.UPID != want {
			t.Errorf("%q detects %+v, want %s", address, got, want)
			continue
		}
		detector.Detect(got, func(*cluster.Leader, error) { t.Errorf("%q changed", address) })()
	}
}

package node_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/meseta-io/meseta/actors/gateway/realms"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
)

// shared is a log that a test reads while others write.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Who may come in and what he may do is read again while the node works, and a broken file changes nothing.
func TestGuardsAreReloaded(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var said shared
	log, err := node.Logging{}.Open("master", &said)
	if err != nil {
		t.Fatal(err)
	}
	config := node.Default(0)
	config.IP = "127.0.0.1"
	s, err := node.New(config, log)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Forgetful()
	m := master.Default()
	m.Credentials, m.ACLs, m.RateLimits = write("credentials", "ops canary-1"), write("acls", `{}`), write("limits", `{}`)
	guard := realms.DefaultMaster()
	guard.Readonly = true
	if err := s.Master(m, node.DefaultElection(), guard); err != nil {
		t.Fatal(err)
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	ask := func(secret string) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://"+s.Addr()+"/flags", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("ops", secret)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	const denied = `{"view_flags": [{"principals": {"values": ["ops"]}, "flags": {"type": "NONE"}}]}`
	for _, step := range []struct {
		name, credentials, acls, limits string
		broken                          bool
		one, two                        int // what the first and the second secret get
	}{
		{"at first", "ops canary-1", `{}`, `{}`, false, 200, 401},
		{"a new secret", "ops canary-2", `{}`, `{}`, false, 401, 200},
		{"a right is taken away", "ops canary-2", denied, `{}`, false, 401, 403},
		{"a file is broken", "ops canary-2", `{"view_flag": []}`, `{}`, true, 401, 403},
		{"all files are", "ops canary-1 canary-3", `{`, `{"limit": 1}`, true, 401, 403},
		{"and whole again", "ops canary-1", `{}`, `{"aggregate_default_qps": 5}`, false, 200, 401},
	} {
		write("credentials", step.credentials)
		write("acls", step.acls)
		write("limits", step.limits)
		if err := s.Reload(); (err != nil) != step.broken {
			t.Errorf("%s: %v", step.name, err)
		}
		if one, two := ask("canary-1"), ask("canary-2"); one != step.one || two != step.two {
			t.Errorf("%s: %d and %d, want %d and %d", step.name, one, two, step.one, step.two)
		}
	}
	if text := said.String(); strings.Contains(text, "canary") || !strings.Contains(text, "the old ones stay") || !strings.Contains(text, `view_flag`) {
		t.Errorf("the log says %s", text)
	}
}

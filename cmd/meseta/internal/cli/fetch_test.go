package cli

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

const folderMode, fileMode = 0o040755, 0o100644

// liar is an agent that shows whatever a test wants: folders by path, and "evil" in every file.
func liar(t *testing.T, folders map[string][]*mesospb.FileInfo) folder {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		call, answer := &agentpb.Call{}, &agentpb.Response{}
		if err := proto.Unmarshal(body, call); err != nil {
			t.Error(err)
		}
		switch path := call.GetListFiles().GetPath() + call.GetReadFile().GetPath(); {
		case call.GetType() == agentpb.Call_LIST_FILES:
			answer.Type = agentpb.Response_LIST_FILES.Enum()
			answer.ListFiles = &agentpb.Response_ListFiles{FileInfos: folders[path]}
		case folders[path] != nil:
			http.Error(w, "Cannot read a directory.", http.StatusBadRequest)
			return
		default:
			data := "evil"[min(call.GetReadFile().GetOffset(), 4):]
			answer.Type = agentpb.Response_READ_FILE.Enum()
			answer.ReadFile = &agentpb.Response_ReadFile{Size: proto.Uint64(4), Data: []byte(data)}
		}
		out, _ := proto.Marshal(answer)
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(out)
	}))
	t.Cleanup(s.Close)
	at := strings.TrimPrefix(s.URL, "http://")
	return folder{api.New([]string{at}, nil, nil), "slave(1)@" + at, "/box"}
}

func shown(path string, mode uint32) *mesospb.FileInfo {
	return &mesospb.FileInfo{Path: proto.String(path), Mode: proto.Uint32(mode), Size: proto.Uint64(4)}
}

// Whatever an agent calls its files, nothing is written outside of the folder that they are copied to.
func TestAnAgentThatLiesAboutNamesWritesNowhereElse(t *testing.T) {
	for _, name := range []string{"/box/../../evil", "..", "/box/..", ".", "/", "", "../evil", "/etc/evil", "a/../../evil", "link/evil"} {
		for _, mode := range []uint32{fileMode, folderMode} {
			around := t.TempDir()
			to := filepath.Join(around, "to")
			if err := os.MkdirAll(to, 0o755); err != nil {
				t.Fatal(err)
			}
			outside := t.TempDir()
			if err := os.MkdirAll(filepath.Join(to, "box"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, filepath.Join(to, "box", "link")); err != nil {
				t.Fatal(err)
			}
			f := liar(t, map[string][]*mesospb.FileInfo{"/box": {shown(name, mode), shown("link", folderMode)}, "/box/link": {shown("evil", fileMode)}})
			a := &app{out: screen.Text(io.Discard), err: screen.Text(io.Discard), ctx: context.Background()}
			_ = a.fetch(f, to) // it may be refused
			for _, dir := range []string{around, outside} {
				left, err := os.ReadDir(dir)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range left {
					if e.Name() != "to" {
						t.Errorf("%q, mode %o: %s was written to %s", name, mode, e.Name(), dir)
					}
				}
			}
		}
	}
}

// A link that leads up makes a folder endless.
func TestAnEndlessFolderEnds(t *testing.T) {
	folders := map[string][]*mesospb.FileInfo{}
	for path, i := "/box", 0; i < 100; i++ {
		folders[path] = []*mesospb.FileInfo{shown("up", folderMode)}
		path += "/up"
	}
	a := &app{out: screen.Text(io.Discard), err: screen.Text(io.Discard), ctx: context.Background()}
	if err := a.fetch(liar(t, folders), t.TempDir()); err == nil || !strings.Contains(err.Error(), "a link may lead back up") {
		t.Error(err)
	}
}

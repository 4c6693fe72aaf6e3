package agent_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway"
	"github.com/meseta-io/meseta/actors/gateway/files"
	"github.com/meseta-io/meseta/actors/gateway/node"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
	"github.com/meseta-io/meseta/testkit/lodge"
)

// Files that the node shows are listed and read through the operators' API, in both languages.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "foo"), []byte("body"), 0o600); err != nil {
		t.Fatal(err)
	}
	shown := files.New()
	if err := shown.Attach(dir, "/box", func(authorization.Subject) bool { return true }); err != nil {
		t.Fatal(err)
	}
	l := busy(t, lodge.Options{Gate: func(p *gateway.Parts) { p.Files = shown }})
	list := func(f wire.Format, path string) (lodge.Answer, *agentpb.Response) {
		return ask(l, f, &agentpb.Call{Type: agentpb.Call_LIST_FILES.Enum(), ListFiles: &agentpb.Call_ListFiles{Path: &path}})
	}
	read := func(f wire.Format, path string, offset uint64, length *uint64) (lodge.Answer, *agentpb.Response) {
		return ask(l, f, &agentpb.Call{Type: agentpb.Call_READ_FILE.Enum(), ReadFile: &agentpb.Call_ReadFile{Path: &path, Offset: &offset, Length: length}})
	}
	for _, f := range []wire.Format{wire.JSON, wire.Protobuf} {
		t.Run("list, "+f.String(), func(t *testing.T) {
			a, r := list(f, "/box")
			if all := r.GetListFiles().GetFileInfos(); a.Status != 200 || len(all) != 1 || all[0].GetPath() != "/box/foo" || all[0].GetSize() != 4 {
				t.Errorf("listed %d %v", a.Status, r)
			}
		})
		t.Run("list what is not there, "+f.String(), func(t *testing.T) {
			if a, _ := list(f, "/nowhere"); a.Status != 404 {
				t.Errorf("answered %d %q", a.Status, a.Body)
			}
		})
		t.Run("read, "+f.String(), func(t *testing.T) {
			for _, c := range []struct {
				offset uint64
				length *uint64
				want   string
			}{{1, proto.Uint64(2), "od"}, {1, nil, "ody"}, {4, nil, ""}} {
				a, r := read(f, "/box/foo", c.offset, c.length)
				if got := r.GetReadFile(); a.Status != 200 || string(got.GetData()) != c.want || got.GetSize() != 4 {
					t.Errorf("from %d: %d %v, want %q", c.offset, a.Status, r, c.want)
				}
			}
		})
		t.Run("read what is not there, "+f.String(), func(t *testing.T) {
			if a, _ := read(f, "/nowhere", 0, nil); a.Status != 404 {
				t.Errorf("answered %d %q", a.Status, a.Body)
			}
		})
	}
}

// The log says more for a while, if whoever asks may have it say more.
func TestLoggingLevel(t *testing.T) {
	level := &slog.LevelVar{}
	acls, err := authorization.Parse([]byte(`{"set_log_level": [{"principals": {"values": ["ops"]}, "level": {"type": "ANY"}},
		{"principals": {"type": "ANY"}, "level": {"type": "NONE"}}],
		"get_endpoints": [{"principals": {"values": ["ops"]}, "paths": {"values": ["/logging/toggle"]}},
		{"principals": {"type": "NONE"}, "paths": {"values": ["/logging/toggle"]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	set := &agentpb.Call{Type: agentpb.Call_SET_LOGGING_LEVEL.Enum(), SetLoggingLevel: &agentpb.Call_SetLoggingLevel{
		Level: proto.Uint32(1), Duration: &mesospb.DurationInfo{Nanoseconds: proto.Int64(3_600e9)}}}
	logging := func(p *gateway.Parts) { p.Logging = node.NewLogging(level, nil) }
	for _, f := range []wire.Format{wire.JSON, wire.Protobuf} {
		t.Run(f.String(), func(t *testing.T) {
			level.Set(slog.LevelInfo)
			l := busy(t, lodge.Options{Gate: logging})
			if a, _ := ask(l, f, set); a.Status != 200 || a.Body != "" || level.Level() >= slog.LevelInfo {
				t.Errorf("answered %d %q, and the level is %v", a.Status, a.Body, level.Level())
			}
			if _, r := ask(l, f, &agentpb.Call{Type: agentpb.Call_GET_LOGGING_LEVEL.Enum()}); r.GetGetLoggingLevel().GetLevel() != 1 {
				t.Errorf("the level is told to be %v", r)
			}
		})
	}
	t.Run("nobody may", func(t *testing.T) {
		level.Set(slog.LevelInfo)
		l := busy(t, lodge.Options{Gate: func(p *gateway.Parts) {
			logging(p)
			p.Agents[0].Authorizer, p.Authorizer = authorization.NewLive(acls), authorization.NewLive(acls)
		}})
		if a, _ := ask(l, wire.JSON, set); a.Status != 403 || level.Level() != slog.LevelInfo {
			t.Errorf("answered %d %q, and the level is %v", a.Status, a.Body, level.Level())
		}
		if a := l.Do("GET", "/logging/toggle?level=1&duration=1hrs", nil, ""); a.Status != 403 || level.Level() != slog.LevelInfo {
			t.Errorf("toggled: %d %q, and the level is %v", a.Status, a.Body, level.Level())
		}
	})
}

package operator_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/meseta-io/meseta/actors/gateway/files"
	"github.com/meseta-io/meseta/actors/gateway/operator"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// The files of a master are listed and read in both languages, by those who may.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "foo"), []byte("body"), 0o600); err != nil {
		t.Fatal(err)
	}
	shown := files.New()
	if err := shown.Attach(dir, "/box", func(who authorization.Subject) bool { return who.Principal != "eve" }); err != nil {
		t.Fatal(err)
	}
	h := furnished(t, nil, operator.Config{Files: shown})
	ask := func(t *testing.T, f wire.Format, who, body string) (int, *masterpb.Response) {
		t.Helper()
		status, text := h.call(who, body, "Accept", f.MediaType())
		r := &masterpb.Response{}
		if status == http.StatusOK {
			if err := f.Decode([]byte(text), r, wire.Limits{}); err != nil {
				t.Fatalf("%v in %q", err, text)
			}
		}
		return status, r
	}
	list := func(path string) string { return fmt.Sprintf(`{"type":"LIST_FILES","list_files":{"path":%q}}`, path) }
	read := func(path, rest string) string {
		return fmt.Sprintf(`{"type":"READ_FILE","read_file":{"path":%q,%s}}`, path, rest)
	}
	for _, f := range []wire.Format{wire.JSON, wire.Protobuf} {
		t.Run("list, "+f.String(), func(t *testing.T) {
			status, r := ask(t, f, "", list("/box"))
			if all := r.GetListFiles().GetFileInfos(); r.GetType() != masterpb.Response_LIST_FILES || len(all) != 1 || all[0].GetPath() != "/box/foo" || all[0].GetSize() != 4 {
				t.Errorf("listed %d %v", status, r)
			}
		})
		t.Run("read, "+f.String(), func(t *testing.T) {
			for rest, want := range map[string]string{`"offset":1,"length":2`: "od", `"offset":1`: "ody", `"offset":4`: ""} {
				status, r := ask(t, f, "", read("/box/foo", rest))
				if got := r.GetReadFile(); r.GetType() != masterpb.Response_READ_FILE || string(got.GetData()) != want || got.GetSize() != 4 {
					t.Errorf("%s: %d %v, want %q", rest, status, r, want)
				}
			}
		})
		for name, c := range map[string]struct {
			who, body string
			want      int
		}{
			"list what is not there":      {"", list("/nowhere"), http.StatusNotFound},
			"list above the top":          {"", list("/box/.."), http.StatusBadRequest},
			"list without a right":        {"eve", list("/box"), http.StatusForbidden},
			"read what is not there":      {"", read("/box/none", `"offset":0`), http.StatusNotFound},
			"read above the top":          {"", read("/box/../foo", `"offset":0`), http.StatusBadRequest},
			"read without a right":        {"eve", read("/box/foo", `"offset":0`), http.StatusForbidden},
			"read a folder as if a file":  {"", read("/box", `"offset":0`), http.StatusBadRequest},
			"a list that names no path":   {"", `{"type":"LIST_FILES","list_files":{}}`, http.StatusBadRequest},
			"a reading without an offset": {"", `{"type":"READ_FILE","read_file":{"path":"/box/foo"}}`, http.StatusBadRequest},
		} {
			t.Run(name+", "+f.String(), func(t *testing.T) {
				if status, r := ask(t, f, c.who, c.body); status != c.want {
					t.Errorf("answered %d %v, want %d", status, r, c.want)
				}
			})
		}
	}
}

package screen_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
)

func TestColumnsLineUp(t *testing.T) {
	var out strings.Builder
	err := screen.Text(&out).Table([]string{"NAME", "CPUS", "STATE"}, [][]screen.Cell{
		{{Text: "ä"}, {Text: "1.5", Right: true}, {Text: "running", Style: screen.Green}},
		{{Text: "longer"}, {Text: "16", Right: true}, {Text: "lost"}},
	})
	want := "NAME    CPUS  STATE\nä        1.5  running\nlonger    16  lost\n"
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out.String(), want)
	}
}

func TestThereAreNoColoursOutsideOfATerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := screen.New(f).Paint(screen.Red, "x"); got != "x" {
		t.Errorf("got %q", got)
	}
}

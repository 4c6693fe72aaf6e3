package screen_test

import (
	"errors"
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

func TestBar(t *testing.T) {
	for share, want := range map[float64]string{0: "····", 1: "████", 0.5: "██··", 0.03125: "▏···", 0.0001: "▏···", 2: "████", -1: "····"} {
		if got := screen.Bar(share, 4); got != want {
			t.Errorf("%v: %q, want %q", share, got, want)
		}
	}
}

// Names come from strangers, and a terminal obeys what it is sent.
func TestControlCharactersAreNotPassedOn(t *testing.T) {
	var out strings.Builder
	s := screen.Text(&out)
	const evil = "task\x1b]0;owned\x07\r\x9b2J"
	if err := errors.Join(s.Table([]string{"NAME"}, [][]screen.Cell{{{Text: evil}}}), s.Fields([]screen.Field{{Name: "Name", Value: evil + "\nsecond"}})); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\x07\r\u009b") {
		t.Errorf("%q", out.String())
	}
	if !strings.Contains(out.String(), "Name  task") || !strings.Contains(out.String(), "\n      second\n") {
		t.Errorf("%q", out.String())
	}
}

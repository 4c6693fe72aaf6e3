package screen_test

import (
	"strings"
	"testing"

	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
)

func TestLinesOfSeveralWritersStayWhole(t *testing.T) {
	var out strings.Builder
	both := screen.Share(screen.Text(&out))
	a, b := both.Named("a", screen.Blue), both.Named("b", screen.Green)
	for _, x := range []struct {
		to   *screen.Stream
		text string
	}{{a, "one\ntw"}, {b, "un\n"}, {a, "o\nthree"}, {b, "deux\ntrois\n"}} {
		if n, err := x.to.Write([]byte(x.text)); n != len(x.text) || err != nil {
			t.Fatal(n, err)
		}
	}
	for _, s := range []*screen.Stream{a, b, a} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if want := "a one\nb un\na two\nb deux\nb trois\na three\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// A writer that never ends its line is shown, and not kept for ever.
func TestALineWithoutEndIsShownInPieces(t *testing.T) {
	var out strings.Builder
	s := screen.Share(screen.Text(&out)).Named("a", screen.Plain)
	for range 100 {
		_, _ = s.Write([]byte(strings.Repeat("x", 1<<10)))
	}
	if out.Len() < 64<<10 {
		t.Errorf("of 100 KB %d bytes are shown", out.Len())
	}
}

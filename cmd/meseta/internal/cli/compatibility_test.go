package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/meseta-io/meseta/cmd/meseta/internal/flags"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
)

var update = flag.Bool("update", false, "write what the code says into the pages")

const compatibility = "../../../../docs/compatibility.md"

// The page has every flag of the servers, with what is behind it.
func TestCompatibilityOfFlags(t *testing.T) {
	before, err := os.ReadFile(compatibility)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{out: screen.Text(io.Discard), err: screen.Text(io.Discard), ctx: context.Background()}
	text := string(before)
	for name, c := range map[string]*cobra.Command{"master": a.master(), "agent": a.agent()} {
		text, err = section(text, name+" flags", flagTable(c.Flags()))
		if err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case text == string(before):
	case *update:
		if err := os.WriteFile(compatibility, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("docs/compatibility.md does not say what the flags do now: go test ./cmd/meseta/internal/cli -run Compatibility -update")
	}
}

// section puts a table between the marks of its name.
func section(page, name, table string) (string, error) {
	mark, rest, found := strings.Cut(page, "<!-- "+name+":")
	if !found {
		return "", fmt.Errorf("the page has no section of %s", name)
	}
	head, _, _ := strings.Cut(rest, "\n")
	_, tail, found := strings.Cut(rest, "<!-- end -->")
	if !found {
		return "", fmt.Errorf("the section of %s does not end", name)
	}
	return mark + "<!-- " + name + ":" + head + "\n" + table + "<!-- end -->" + tail, nil
}

func flagTable(set *pflag.FlagSet) string {
	table := "| flag | state | |\n|---|---|---|\n"
	set.VisitAll(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, "no_") {
			return // the contrary of another
		}
		state, note := standing(flags.StandingOf(f))
		table += fmt.Sprintf("| %s | %s | %s |\n", f.Name, state, strings.ReplaceAll(note, "|", "\\|"))
	})
	return table
}

func standing(s flags.Standing) (state, note string) {
	missing, _, _ := strings.Cut(s.Missing, "; ")
	switch {
	case s.Works:
		return "works", ""
	case s.Same == "*":
		return "partial", "taken, and changes nothing"
	case s.Default == "" && s.Same == "":
		return "not yet", "needs " + missing
	case missing == "":
		return "partial", "taken, and changes nothing"
	}
	values := "`" + s.Default + "`"
	if s.Same != "" {
		values += ", `" + strings.ReplaceAll(s.Same, ",", "`, `") + "`"
	}
	return "partial", "taken: " + values + "; another value needs " + missing
}

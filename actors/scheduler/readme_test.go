package scheduler_test

import (
	"os"
	"strings"
	"testing"
)

// The README shows the example of this package, which compiles and runs, in at most forty lines.
func TestTheREADMEShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(readme), "    // hello runs two commands")
	shown, _, _ = strings.Cut(shown, "\n\n## ")
	_, code, _ := strings.Cut(string(example), "// hello runs two commands")
	code, rest, _ := strings.Cut(code, "// A framework on a real cluster.\n")
	program, _, _ := strings.Cut(rest, "// The same framework")
	code += strings.Replace(program, "func Example_cluster()", "func main()", 1)
	if dense(shown) != dense(code) {
		t.Errorf("the README shows\n%s\nand the example is\n%s", dense(shown), dense(code))
	}
	if n := strings.Count(shown, "\n") + 1; n > 40 {
		t.Errorf("the README's framework has %d lines", n)
	}
}

// dense is code without indentation and blank lines.
func dense(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

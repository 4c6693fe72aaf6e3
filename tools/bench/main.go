// Command bench measures every budget of the project and prints the table of docs/benchmarks.md: what was
// measured, what Apache Mesos needs for the same, what we allow ourselves, and what this machine shows.
//
// A row names a benchmark and one of its metrics. Benchmarks are ordinary Go benchmarks and can be run alone;
// this command only runs the packages one after the other, so that no two compete for the cores, and compares.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
)

func main() {
	only := flag.String("only", "", "a regular expression: measure only rows whose text matches")
	times := flag.String("benchtime", "1s", "as in go test")
	count := flag.Int("count", 3, "runs of each benchmark; the median counts")
	flag.Parse()
	picked, err := pick(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	measured := Results{}
	for _, pkg := range packages(picked) {
		if err := measure(measured, pkg, picked, *times, *count); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", pkg, err)
			os.Exit(1)
		}
	}
	fmt.Printf("Measured on %s, %d cores, %s.\n\n", cpu(), runtime.NumCPU(), runtime.Version())
	if over := Print(os.Stdout, picked, measured); over > 0 {
		fmt.Printf("\n%d of %d budgets are not held.\n", over, len(picked))
	}
}

func pick(only string) ([]Row, error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return nil, err
	}
	var picked []Row
	for _, r := range rows {
		if match.MatchString(r.What) {
			picked = append(picked, r)
		}
	}
	return picked, nil
}

func packages(rows []Row) []string {
	var list []string
	seen := map[string]bool{}
	for _, r := range rows {
		if !seen[r.Package] {
			seen[r.Package] = true
			list = append(list, r.Package)
		}
	}
	return list
}

// measure runs the benchmarks that the rows of one package name.
func measure(into Results, pkg string, rows []Row, benchtime string, count int) error {
	var names []string
	for _, r := range rows {
		if r.Package == pkg {
			names = append(names, regexp.QuoteMeta(strings.Split(r.Benchmark, "/")[0]))
		}
	}
	args := []string{"test", "./" + pkg, "-run", "^$", "-bench", "^(" + strings.Join(names, "|") + ")$",
		"-benchtime", benchtime, "-count", fmt.Sprint(count), "-benchmem", "-timeout", "60m"}
	fmt.Fprintln(os.Stderr, "go", strings.Join(args, " "))
	c := exec.Command("go", args...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		os.Stderr.Write(out)
		return err
	}
	return into.Read(pkg, strings.NewReader(string(out)))
}

func cpu() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return runtime.GOARCH
}

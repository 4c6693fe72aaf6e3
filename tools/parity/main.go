// Command parity counts how much of Mesos' and libprocess' behaviour is shown by tests of ours.
//
// docs/parity.tsv has a row for each of their named test cases. The column ours holds the counterpart
// ("<package> <Test>[/<subtest>]", several separated by "; "), "n/a" (the note says why the case does not apply) or
// "open". An open row whose note is "later: <feature>" waits for a feature that is not there yet; such rows are counted by
// themselves, and there are two shares, one of what could be shown now, one of everything. The command fails when a named
// test does not exist, a reason is missing, a feature is not one of the few, or a case is listed twice.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "the repository's root folder")
	all := flag.Bool("all", false, "print every area, not only the totals and the areas that have begun")
	flag.Parse()
	if err := run(*root, *all); err != nil {
		fmt.Fprintln(os.Stderr, "parity:", err)
		os.Exit(1)
	}
}

func run(root string, all bool) error {
	f, err := os.Open(filepath.Join(root, "docs", "parity.tsv"))
	if err != nil {
		return err
	}
	defer f.Close()
	rows, err := ReadRows(f)
	if err != nil {
		return err
	}
	faults := Check(rows, NewTests(os.DirFS(root)))
	Print(os.Stdout, Count(rows), all)
	for _, e := range faults {
		fmt.Fprintln(os.Stderr, "parity:", e)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d row(s) of docs/parity.tsv claim what is not there", len(faults))
	}
	return nil
}

// Command tidy reads every Go file of the repository and says which rule of the house it breaks, where, and
// why the rule exists. The rules are those of docs/design.md: imports go one way, each outside library has
// one room, actors touch the world only through their process.Base, and every package says what it is for.
//
// It parses and resolves nothing: a rule that needs types belongs to vet or staticcheck.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	root := flag.String("root", ".", "the repository's root folder")
	flag.Parse()
	tree, err := Read(os.DirFS(*root))
	if err != nil {
		fmt.Fprintln(os.Stderr, "tidy:", err)
		os.Exit(2)
	}
	found := Check(tree)
	for _, f := range found {
		fmt.Fprintln(os.Stderr, f)
	}
	if len(found) > 0 {
		fmt.Fprintf(os.Stderr, "tidy: %d finding(s)\n", len(found))
		os.Exit(1)
	}
	fmt.Printf("tidy: %d Go files keep the rules\n", len(tree.Files))
}

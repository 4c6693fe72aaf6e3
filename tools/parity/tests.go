package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Tests knows the tests of the repository by package. Packages are parsed when they are first asked for.
type Tests struct {
	fsys     fs.FS
	packages map[string]*tests
}

// tests are the tests of one package: top-level functions, and for subtests every string literal, because
// the names of subtests are computed while they run.
type tests struct {
	functions map[string]bool
	literals  map[string]bool
}

// NewTests looks for tests below fsys, the repository's root.
func NewTests(fsys fs.FS) *Tests { return &Tests{fsys: fsys, packages: map[string]*tests{}} }

// Find returns an error unless the test named "<package> <Test>[/<subtest>]" exists.
func (t *Tests) Find(counterpart string) error {
	dir, name, ok := strings.Cut(counterpart, " ")
	if !ok {
		return fmt.Errorf("%q is not \"<package> <Test>\", \"n/a\" or \"open\"", counterpart)
	}
	p, err := t.load(dir)
	if err != nil {
		return err
	}
	function, sub, hasSub := strings.Cut(name, "/")
	if !p.functions[function] {
		return fmt.Errorf("package %s has no %s", dir, function)
	}
	if hasSub && !p.literals[plain(sub)] {
		return fmt.Errorf("package %s names no subtest %q (of %s)", dir, sub, function)
	}
	return nil
}

func (t *Tests) load(dir string) (*tests, error) {
	if p := t.packages[dir]; p != nil {
		return p, nil
	}
	names, err := fs.Glob(t.fsys, path.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("package %s has no tests", dir)
	}
	p := &tests{functions: map[string]bool{}, literals: map[string]bool{}}
	for _, name := range names {
		src, err := fs.ReadFile(t.fsys, name)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.read(f)
	}
	t.packages[dir] = p
	return p, nil
}

func (p *tests) read(f *ast.File) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if ok && fn.Recv == nil && isTest(fn.Name.Name) {
			p.functions[fn.Name.Name] = true
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil {
				p.literals[plain(s)] = true
			}
		}
		return true
	})
}

func isTest(name string) bool {
	for _, prefix := range []string{"Test", "Benchmark", "Fuzz", "Example"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// plain writes a subtest's name as the go command prints it.
func plain(s string) string { return strings.ReplaceAll(s, " ", "_") }

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const module = "github.com/meseta-io/meseta"

// Tree is the repository as the rules see it.
type Tree struct {
	Fset  *token.FileSet
	Files []*File
	Top   []string // names of the entries of the root folder, sorted
}

// File is one parsed Go file.
type File struct {
	Path      string // from the root, with slashes
	Dir       string // the folder of Path
	Test      bool   // ends in _test.go
	Generated bool   // carries the standard "Code generated … DO NOT EDIT." line
	AST       *ast.File
}

// Read parses every Go file below fsys, testdata and hidden folders excepted.
func Read(fsys fs.FS) (*Tree, error) {
	t := &Tree{Fset: token.NewFileSet()}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		t.Top = append(t.Top, e.Name())
	}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || name == "bin") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		return t.add(fsys, name)
	})
	return t, err
}

func (t *Tree) add(fsys fs.FS, name string) error {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(t.Fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("%s does not parse: %w", name, err)
	}
	t.Files = append(t.Files, &File{
		Path: name, Dir: path.Dir(name), Test: strings.HasSuffix(name, "_test.go"),
		Generated: ast.IsGenerated(f), AST: f,
	})
	return nil
}

// imports calls yield for each import: the path, and where it stands.
func (f *File) imports(yield func(path string, pos token.Pos)) {
	for _, i := range f.AST.Imports {
		yield(strings.Trim(i.Path.Value, `"`), i.Pos())
	}
}

// name returns the identifier under which the file knows an imported package; "" when it is not imported.
func (f *File) name(importPath string) string {
	for _, i := range f.AST.Imports {
		if strings.Trim(i.Path.Value, `"`) != importPath {
			continue
		}
		if i.Name != nil {
			return i.Name.Name
		}
		base := path.Base(importPath)
		if base == "v2" {
			base = path.Base(path.Dir(importPath))
		}
		return base
	}
	return ""
}

// in says whether dir is one of the folders or lies below one.
func in(dir string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		return dir == f || strings.HasPrefix(dir, f+"/")
	})
}

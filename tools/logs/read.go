package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// rooms are the packages whose lines are listed, with what operators call them.
var rooms = []struct{ Dir, Title string }{
	{"actors/master", "The master"},
	{"actors/registrar", "The registrar, which writes for the master"},
	{"actors/allocator", "The allocator"},
	{"actors/agent", "The agent"},
}

// Line is something that is logged.
type Line struct {
	Room, Level, Message string
	Keys                 []string
}

// levels are the methods that log, and the level of each. The master's detail is for what happens all the time.
var levels = map[string]string{"Debug": "debug", "detail": "debug", "Info": "info", "Warn": "warn", "Error": "error"}

// Read finds all lines, sorted and each once, and those that break the rules: the message is a constant, and the keys are
// constants that everybody knows.
func Read(root fs.FS) (lines []Line, faults []error) {
	for _, room := range rooms {
		names, err := fs.Glob(root, path.Join(room.Dir, "*.go"))
		if err != nil || len(names) == 0 {
			return nil, []error{fmt.Errorf("%s has no Go files", room.Dir)}
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			src, err := fs.ReadFile(root, name)
			if err != nil {
				return nil, []error{err}
			}
			more, wrong := readFile(room.Dir, name, src)
			lines, faults = append(lines, more...), append(faults, wrong...)
		}
	}
	slices.SortFunc(lines, func(a, b Line) int {
		return strings.Compare(a.Room+"\x00"+a.Message+"\x00"+a.Level+strings.Join(a.Keys, " "), b.Room+"\x00"+b.Message+"\x00"+b.Level+strings.Join(b.Keys, " "))
	})
	return slices.CompactFunc(lines, func(a, b Line) bool {
		return a.Room == b.Room && a.Message == b.Message && a.Level == b.Level && slices.Equal(a.Keys, b.Keys)
	}), faults
}

func readFile(room, name string, src []byte) (lines []Line, faults []error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, []error{err}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !logs(method) || len(call.Args) == 0 {
			return true
		}
		line, err := lineOf(room, levels[method.Sel.Name], call.Args)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", set.Position(call.Pos()), err))
			return true
		}
		lines = append(lines, line)
		return true
	})
	return lines, faults
}

// logs says whether a method writes a line: one of Log() or log(…), or detail.
func logs(method *ast.SelectorExpr) bool {
	if levels[method.Sel.Name] == "" {
		return false
	}
	if method.Sel.Name == "detail" {
		return true
	}
	of, ok := method.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	maker, ok := of.Fun.(*ast.SelectorExpr)
	return ok && (maker.Sel.Name == "Log" || maker.Sel.Name == "log")
}

func lineOf(room, level string, args []ast.Expr) (Line, error) {
	l := Line{Room: room, Level: level}
	for i, arg := range args {
		if i > 0 && i%2 == 0 {
			continue // a value
		}
		lit, ok := arg.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return l, fmt.Errorf("the message and the keys of a line have to be constants, so that they can be searched for")
		}
		text, err := strconv.Unquote(lit.Value)
		switch {
		case err != nil:
			return l, err
		case i == 0:
			l.Message = text
		case keys[text] == "":
			return l, fmt.Errorf("the key %q of %q is not in tools/logs/keys.go: use one that is there, or add it with its meaning", text, l.Message)
		default:
			l.Keys = append(l.Keys, text)
		}
	}
	return l, nil
}

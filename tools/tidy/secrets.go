package main

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// secretWords are in the names of what must not be compared in a time that tells where it differs.
var secretWords = []string{"secret", "password", "hmac", "digest", "signature"}

// bareSecrets are such names that are parts of harmless ones.
var bareSecrets = []string{"mac", "proof"}

// secrets reports comparisons that take longer the more of a secret was guessed.
func secrets(f *File, report reporter) {
	if f.Test || f.Generated {
		return
	}
	const why = "a comparison that stops at the first difference tells an attacker how much he has guessed; use crypto/subtle or hmac.Equal"
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op != token.EQL && n.Op != token.NEQ || harmless(n.X) || harmless(n.Y) {
				return true
			}
			if secretive(n.X) || secretive(n.Y) || guarded(f.Dir) && (converted(n.X) || converted(n.Y)) {
				report(n.Pos(), "compares a secret with "+n.Op.String(), why)
			}
		case *ast.CallExpr:
			if name := called(n.Fun); slices.Contains([]string{"bytes.Equal", "bytes.Compare", "strings.Compare", "strings.EqualFold", "slices.Equal", "slices.Compare", "reflect.DeepEqual"}, name) &&
				slices.ContainsFunc(n.Args, secretive) {
				report(n.Pos(), "compares a secret with "+name, why)
			}
		}
		return true
	})
}

// harmless is what no secret can be guessed with: whether there is one, and how long it is.
func harmless(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.INT || e.Value == `""`
	case *ast.Ident:
		return e.Name == "nil" || e.Name == "true" || e.Name == "false"
	case *ast.CallExpr:
		return called(e.Fun) == "len"
	case *ast.SelectorExpr: // a value of an enum
		pkg, _, _ := strings.Cut(called(e), ".")
		return strings.HasSuffix(pkg, "pb")
	}
	return false
}

// secretive says whether an expression's last name is one of a secret.
func secretive(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return secretName(e.Name)
	case *ast.SelectorExpr:
		return secretName(e.Sel.Name)
	case *ast.CallExpr:
		return called(e.Fun) != "len" && (secretive(e.Fun) || converted(e) && slices.ContainsFunc(e.Args, secretive))
	case *ast.IndexExpr:
		return secretive(e.X)
	case *ast.SliceExpr:
		return secretive(e.X)
	case *ast.StarExpr:
		return secretive(e.X)
	case *ast.ParenExpr:
		return secretive(e.X)
	}
	return false
}

// guarded says whether a file is in a room where bytes are secrets, whatever they are called.
func guarded(dir string) bool { return in(dir, "messages/credentials", "actors/process/authn") }

// converted says whether an expression makes a string of bytes, as one does to compare them.
func converted(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	return ok && called(call.Fun) == "string"
}

func secretName(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(bareSecrets, name) || slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(name, w) })
}

// called is the name of a function as it is written.
func called(f ast.Expr) string {
	switch f := f.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

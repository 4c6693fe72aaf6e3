package main

import (
	"go/ast"
	"slices"
	"strings"
)

// disks are the places below actors/ that open files. A task owns its sandbox and may turn any name in it into a link, a
// pipe or a device between two looks, so the places that know how to open one are few; everybody else asks them.
var disks = []string{
	"actors/gateway/files",       // what people read
	"actors/fetcher",             // what is brought
	"actors/containerizer/posix", // what is printed
	"actors/containerizer/linux", // its records, which no container can reach
	"actors/process",             // no sandbox: certificates, and what the kernel says in /proc
}

// agentDisk is the agent's own edge: sandboxes are made and removed there, and checkpoints kept.
func agentDisk(f *File) bool {
	return f.Dir == "actors/agent" && strings.HasSuffix(f.Path, "_edge.go")
}

// openers take a path and follow it, by package.
var openers = map[string][]string{
	"os": {"Open", "OpenFile", "OpenRoot", "OpenInRoot", "Create", "CreateTemp", "ReadFile", "WriteFile", "ReadDir", "Mkdir", "MkdirAll",
		"MkdirTemp", "Remove", "RemoveAll", "Rename", "Link", "Symlink", "Readlink", "Stat", "Lstat", "Truncate", "Chown", "Lchown", "Chmod", "Chtimes", "DirFS", "CopyFS"},
	"golang.org/x/sys/unix": {"Open", "Openat", "Openat2", "Rename", "Renameat", "Renameat2", "Unlink", "Unlinkat", "Mkdirat", "Linkat", "Symlinkat", "Fchmodat", "Fchownat", "Mount", "Mknod"},
	"syscall":               {"Open", "Openat", "Rename", "Unlink", "Mkdir", "Link", "Symlink", "Chown", "Chmod", "Mount", "Mknod"},
	"path/filepath":         {"EvalSymlinks", "Walk", "WalkDir", "Glob"},
}

// fewDisks refuses opening files elsewhere.
func fewDisks(f *File, report reporter) {
	if !in(f.Dir, "actors") || f.Test || f.Generated || in(f.Dir, disks...) || agentDisk(f) {
		return
	}
	known := map[string]string{}
	for path := range openers {
		if n := f.name(path); n != "" {
			known[n] = path
		}
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := s.X.(*ast.Ident)
		if ok && actorFile(f) && slices.Contains(forbiddenCalls[known[x.Name]].names, s.Sel.Name) {
			return true // the rules of actors say it
		}
		if ok && slices.Contains(openers[known[x.Name]], s.Sel.Name) {
			report(n.Pos(), "calls "+x.Name+"."+s.Sel.Name, "a task owns the names in its sandbox: files are opened only in "+
				strings.Join(disks, ", ")+" and the edges of actors/agent, which no link leads astray")
		}
		return true
	})
}

package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// Finding is one broken rule: the place, what stands there, and why that is not wanted.
type Finding struct {
	Pos  token.Position
	What string
	Why  string
}

func (f Finding) String() string {
	if f.Pos.Filename == "" {
		return fmt.Sprintf("%s: %s", f.What, f.Why)
	}
	return fmt.Sprintf("%s:%d: %s: %s", f.Pos.Filename, f.Pos.Line, f.What, f.Why)
}

// Check applies every rule and returns what it found in the order of files and lines.
func Check(t *Tree) []Finding {
	var found []Finding
	for _, f := range t.Files {
		report := func(pos token.Pos, what, why string) {
			found = append(found, Finding{t.Fset.Position(pos), what, why})
		}
		directions(f, report)
		oneRoom(f, report)
		testkitInTests(f, report)
		secrets(f, report)
		fewDisks(f, report)
		if actorFile(f) {
			actorImports(f, report)
			actorWords(f, report)
		}
	}
	found = append(found, packageDocs(t)...)
	found = append(found, topLevel(t)...)
	return found
}

type reporter func(pos token.Pos, what, why string)

// direction says what files below a folder may import of ours.
type direction struct {
	from []string
	may  []string
	why  string
}

// The first row that holds a file's folder decides.
var arrows = []direction{
	{[]string{"messages"}, []string{"messages"}, "words know nothing of ours but words"},
	{[]string{"cluster"}, []string{"messages", "cluster"}, "the cluster knows words only"},
	{[]string{"isolators"}, []string{"messages", "isolators"}, "hands know words only"},
	{[]string{"actors/process"}, []string{"messages", "actors/process"}, "the runtime knows words only"},
	{[]string{"actors"}, []string{"messages", "actors", "cluster", "isolators"}, "actors know words, and hands and cluster by their interfaces"},
	{[]string{"testkit"}, []string{"messages", "actors", "cluster", "isolators", "testkit"}, "the rehearsal room knows the cast, not the doors"},
	{[]string{"tools"}, []string{"messages", "actors", "cluster", "isolators", "testkit", "tools"}, "the shed does not reach into the doors"},
}

func directions(f *File, report reporter) {
	i := slices.IndexFunc(arrows, func(d direction) bool { return in(f.Dir, d.from...) })
	if i < 0 {
		return
	}
	may := arrows[i].may
	if f.Test {
		may = append(slices.Clone(may), "testkit", "cluster", "actors", "tools/consuls", "tools/zookeepers")
	}
	f.imports(func(path string, pos token.Pos) {
		ours, ok := strings.CutPrefix(path, module+"/")
		if ok && !in(ours, may...) && !in(ours, "testkit") { // the testkit has a rule of its own
			report(pos, "imports "+ours, arrows[i].why)
		}
	})
}

// rooms says where each outside library may be imported, so that leaving it has a known price.
var rooms = []struct {
	library string
	rooms   []string
}{
	{"github.com/asynkron/protoactor-go", []string{"actors/process"}},
	{"google.golang.org/grpc", []string{"actors/process"}},
	{"github.com/hashicorp/consul", []string{"cluster"}},
	{"go.etcd.io/bbolt", []string{"cluster"}},
	{"github.com/go-zookeeper/zk", []string{"cluster"}},
	{"github.com/cilium/ebpf", []string{"isolators"}},
	{"github.com/containernetworking/cni", []string{"isolators/network/cni"}},
	{"github.com/moby/profiles", []string{"isolators"}},
	{"github.com/spf13/cobra", []string{"cmd"}},
	{"github.com/spf13/viper", []string{"cmd"}},
	{"github.com/spf13/pflag", []string{"cmd"}},
	{"go.yaml.in/yaml", []string{"cmd"}},
	{"go.opentelemetry.io", []string{"cmd"}},
	{"github.com/xi2/xz", []string{"actors/fetcher"}},
	{"github.com/bufbuild/protocompile", []string{"tools"}},
	{"github.com/prometheus/client_golang", []string{"actors/process", "actors/gateway"}},
}

func oneRoom(f *File, report reporter) {
	f.imports(func(path string, pos token.Pos) {
		for _, r := range rooms {
			if in(path, r.library) && !in(f.Dir, r.rooms...) {
				report(pos, "imports "+path, "this library lives only in "+strings.Join(r.rooms, ", "))
			}
		}
	})
}

func testkitInTests(f *File, report reporter) {
	if f.Test || in(f.Dir, "testkit") || in(f.Dir, "tools") {
		return
	}
	f.imports(func(path string, pos token.Pos) {
		if in(path, module+"/testkit") {
			report(pos, "imports the testkit", "only tests rehearse; production code must not know that it is watched")
		}
	})
}

// edges are folders below actors/ that act instead of deciding: they talk to kernels, disks and sockets
// behind an interface that an actor calls through process.Go.
var edges = []string{
	"actors/process",             // the runtime itself, which is what keeps time and threads away from the others
	"actors/containerizer/posix", // forks, waits, kills
	"actors/containerizer/linux", // the same, with isolators
	"actors/gateway",             // runs in the goroutines of connections, in front of the actors
	"actors/fetcher",             // downloads and unpacks
}

// actorFile says whether the rules of actors hold for a file. A file of an actor package whose name ends in
// _edge.go is an edge that is too small for a package of its own.
func actorFile(f *File) bool {
	return in(f.Dir, "actors") && !in(f.Dir, edges...) && !f.Test && !f.Generated && !strings.HasSuffix(f.Path, "_edge.go")
}

// What an actor package does not import, and what it uses instead.
var forbiddenImports = map[string]string{
	"sync":          "an actor handles one message at a time; shared state is a message to its owner",
	"sync/atomic":   "an actor handles one message at a time; shared state is a message to its owner",
	"math/rand":     "chance comes from process.Base.Rand, or two runs of one seed differ",
	"crypto/rand":   "chance comes from process.Base.Rand, or two runs of one seed differ",
	"os/exec":       "processes are an edge, called through process.Go",
	"os/signal":     "signals are an edge",
	"net/http":      "only the runtime and the gateway know HTTP",
	"runtime":       "an actor does not look at the machine it runs on",
	"io/ioutil":     "files are an edge, called through process.Go",
	"log":           "process.Base.Log knows who speaks",
	"testing":       "tests live in test files",
	"unsafe":        "an actor needs no tricks",
	"runtime/debug": "an actor does not look at the machine it runs on",
}

func actorImports(f *File, report reporter) {
	f.imports(func(path string, pos token.Pos) {
		if why, bad := forbiddenImports[path]; bad {
			report(pos, "imports "+path, why)
		}
	})
}

// What an actor does not call, by package. For os only the file system and the environment of the process
// are meant; its error values and modes are words.
var forbiddenCalls = map[string]struct {
	names []string
	why   string
}{
	"time": {[]string{"Now", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Since", "Until"},
		"time comes from process.Base (Now, Delay, Every), or it cannot be rehearsed"},
	"math/rand/v2": {[]string{"Int", "IntN", "Int64", "Int64N", "Uint32", "Uint64", "Uint64N", "Float64", "Perm", "Shuffle", "N", "Int32N", "Uint32N", "ExpFloat64", "NormFloat64"},
		"chance comes from process.Base.Rand, or two runs of one seed differ"},
	"net": {[]string{"Dial", "DialTimeout", "DialTCP", "Listen", "ListenTCP", "LookupHost", "LookupIP", "LookupAddr", "Interfaces", "InterfaceAddrs", "ResolveTCPAddr"},
		"sockets and name look-ups are an edge, called through process.Go"},
	"syscall": {[]string{"Kill", "Exec", "ForkExec", "StartProcess", "Open", "Read", "Write", "Close", "Wait4", "Getpid", "Stat", "Mkdir", "Unlink", "Rename", "Mount"},
		"the kernel is an edge, called through process.Go; its numbers are words"},
	"os": {[]string{"Open", "OpenFile", "OpenRoot", "Create", "CreateTemp", "ReadFile", "WriteFile", "ReadDir", "Mkdir", "MkdirAll", "MkdirTemp", "Remove", "RemoveAll", "Rename", "Stat", "Lstat", "Symlink", "Readlink", "Chown", "Chmod", "Getenv", "LookupEnv", "Environ", "Setenv", "Hostname", "Exit", "Getpid", "FindProcess", "StartProcess", "DirFS"},
		"files and the environment are an edge, called through process.Go"},
}

func actorWords(f *File, report reporter) {
	known := map[string]string{}
	for path := range forbiddenCalls {
		if n := f.name(path); n != "" {
			known[n] = path
		}
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n.Pos(), "starts a goroutine", "an actor handles one message at a time; blocking work goes through process.Go")
		case *ast.SelectStmt:
			report(n.Pos(), "selects on channels", "everything that happens to an actor is a message")
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok {
				break
			}
			path := known[x.Name]
			if path != "" && slices.Contains(forbiddenCalls[path].names, n.Sel.Name) {
				report(n.Pos(), "uses "+x.Name+"."+n.Sel.Name, forbiddenCalls[path].why)
			}
		}
		return true
	})
}

// packageDocs wants one comment for each package that says what it is for and what it leaves to others.
func packageDocs(t *Tree) []Finding {
	first := map[string]*File{}
	documented := map[string]bool{}
	var dirs []string
	for _, f := range t.Files {
		if f.Test {
			continue
		}
		if first[f.Dir] == nil {
			first[f.Dir] = f
			dirs = append(dirs, f.Dir)
		}
		doc := f.AST.Doc.Text()
		if strings.HasPrefix(doc, "Package ") || strings.HasPrefix(doc, "Command ") || f.Generated && strings.HasSuffix(f.Dir, "pb") {
			documented[f.Dir] = true
		}
	}
	var found []Finding
	for _, d := range dirs {
		if !documented[d] {
			found = append(found, Finding{t.Fset.Position(first[d].AST.Package), "package without a comment",
				"a reader must learn what the package is for before reading it; start it with \"Package " + first[d].AST.Name.Name + "\""})
		}
	}
	return found
}

var layout = []string{
	"actors", "cluster", "cmd", "docs", "isolators", "messages", "testkit", "tools",
	"go.mod", "go.sum", "Makefile", "README.md", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md",
	".ci", ".git", ".gitignore", "bin",
}

func topLevel(t *Tree) []Finding {
	var found []Finding
	for _, name := range t.Top {
		if !slices.Contains(layout, name) {
			found = append(found, Finding{What: name, Why: "not part of the agreed layout; everything has a room below the top level"})
		}
	}
	return found
}

package main

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// one builds a tree of a single file, so that each rule is seen to bite alone.
func one(t *testing.T, path, src string) []Finding {
	t.Helper()
	tree, err := Read(fstest.MapFS{path: {Data: []byte(src)}})
	if err != nil {
		t.Fatal(err)
	}
	return Check(tree)
}

func TestEachRuleBites(t *testing.T) {
	const doc = "// Package x is a test.\npackage x\n"
	cases := []struct{ name, path, src, want string }{
		{"words import an actor", "messages/x/x.go", doc + `import _ "github.com/meseta-io/meseta/actors/master"`, "words know nothing"},
		{"the cluster imports an actor", "cluster/x/x.go", doc + `import _ "github.com/meseta-io/meseta/actors/master"`, "words only"},
		{"an actor imports a door", "actors/x/x.go", doc + `import _ "github.com/meseta-io/meseta/cmd/meseta"`, "actors know words"},
		{"Proto.Actor outside its room", "actors/x/x.go", doc + `import _ "github.com/asynkron/protoactor-go/actor"`, "lives only in actors/process"},
		{"bbolt outside its room", "actors/x/x.go", doc + `import _ "go.etcd.io/bbolt"`, "lives only in cluster"},
		{"production code imports the testkit", "actors/x/x.go", doc + `import _ "github.com/meseta-io/meseta/testkit"`, "only tests rehearse"},
		{"an actor starts a goroutine", "actors/x/x.go", doc + "func f() { go f() }", "one message at a time"},
		{"an actor locks", "actors/x/x.go", doc + `import _ "sync"`, "one message at a time"},
		{"an actor reads the clock", "actors/x/x.go", doc + "import \"time\"\nvar t = time.Now()", "cannot be rehearsed"},
		{"an actor reads a renamed clock", "actors/x/x.go", doc + "import c \"time\"\nvar t = c.Now()", "cannot be rehearsed"},
		{"an actor rolls global dice", "actors/x/x.go", doc + "import \"math/rand/v2\"\nvar t = rand.IntN(3)", "two runs of one seed differ"},
		{"an actor reads a file", "actors/x/x.go", doc + "import \"os\"\nvar _, _ = os.ReadFile(\"a\")", "are an edge"},
		{"an actor selects", "actors/x/x.go", doc + "func f() { select {} }", "is a message"},
		{"a secret compared with ==", "messages/x/x.go", doc + "func f(secret, s string) bool { return secret == s }", "how much he has guessed"},
		{"a proof compared as text", "messages/x/x.go", doc + "func f(proof []byte, s string) bool { return string(proof) == s }", "how much he has guessed"},
		{"bytes compared where all bytes are secrets", "messages/credentials/x.go", doc + "func f(a, b []byte) bool { return string(a) == string(b) }", "how much he has guessed"},
		{"a getter's secret compared with !=", "messages/x/x.go", doc + "func f(c interface{ GetSecret() string }, s string) bool { return s != c.GetSecret() }", "how much he has guessed"},
		{"a signature compared with bytes.Equal", "messages/x/x.go", doc + "import \"bytes\"\nfunc f(mac, s []byte) bool { return bytes.Equal(s, mac[:]) }", "how much he has guessed"},
		{"a field compared with EqualFold", "messages/x/x.go", doc + "import \"strings\"\nfunc f(c struct{ password string }, s string) bool { return strings.EqualFold(c.password, s) }", "how much he has guessed"},
		{"a door opens a file", "actors/gateway/x/x.go", doc + "import \"os\"\nvar _, _ = os.OpenRoot(\"a\")", "owns the names in its sandbox"},
		{"a door opens with the kernel's words", "actors/gateway/x/x.go", doc + "import \"golang.org/x/sys/unix\"\nvar _, _ = unix.Openat(3, \"a\", 0, 0)", "owns the names in its sandbox"},
		{"an edge of another actor opens a file", "actors/x/x_edge.go", doc + "import \"os\"\nvar _, _ = os.ReadFile(\"a\")", "owns the names in its sandbox"},
		{"a door that only sounds like the files'", "actors/gateway/filesystem/x.go", doc + "import f \"path/filepath\"\nvar _, _ = f.EvalSymlinks(\"a\")", "owns the names in its sandbox"},
		{"a package without a comment", "actors/x/x.go", "package x", "what the package is for"},
		{"a stranger at the top", "vendor.txt", "", "agreed layout"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			found := one(t, c.path, c.src)
			if len(found) != 1 || !strings.Contains(found[0].String(), c.want) {
				t.Fatalf("found %v, want one finding about %q", found, c.want)
			}
		})
	}
}

func TestWhatIsAllowed(t *testing.T) {
	const doc = "// Package x is a test.\npackage x\n"
	cases := []struct{ name, path, src string }{
		{"an edge file of the agent reads files", "actors/agent/disk_edge.go", doc + "import \"os\"\nvar _, _ = os.ReadFile(\"a\")"},
		{"the files' door opens files", "actors/gateway/files/x.go", doc + "import \"os\"\nvar _, _ = os.OpenRoot(\"a\")"},
		{"the fetcher opens files", "actors/fetcher/box/x.go", doc + "import \"os\"\nvar _, _ = os.OpenRoot(\"a\")"},
		{"what is outside of actors opens its own", "cluster/x/x.go", doc + "import \"os\"\nvar _, _ = os.Open(\"a\")"},
		{"an edge package waits", "actors/containerizer/posix/x.go", doc + "func f() { go f() }"},
		{"an actor's own dice", "actors/x/x.go", doc + "import \"math/rand/v2\"\nfunc f(r *rand.Rand) int { return r.IntN(3) }"},
		{"whether there is a secret", "messages/x/x.go", doc + "func f(secret string, b []byte) bool { return secret == \"\" || b == nil || len(secret) != 5 }"},
		{"a secret compared in constant time", "messages/x/x.go", doc + "import \"crypto/hmac\"\nfunc f(mac, s []byte) bool { return hmac.Equal(mac, s) }"},
		{"a duration is not a clock", "actors/x/x.go", doc + "import \"time\"\nvar t = time.Second"},
		{"an actor's test imports the testkit", "actors/x/x_test.go", doc + `import _ "github.com/meseta-io/meseta/testkit"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if found := one(t, c.path, c.src); len(found) != 0 {
				t.Fatalf("found %v, want nothing", found)
			}
		})
	}
}

// The repository itself keeps its rules. This is the check that matters; make check runs it as a command too.
func TestTheRepositoryIsTidy(t *testing.T) {
	tree, err := Read(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Check(tree) {
		t.Error(f)
	}
}

// Command protogen compiles the .proto files under messages/ and actors/ and writes the generated Go beside them.
//
// It runs the parser (protocompile) and the official Go generator inside one process, so that generating
// needs Go and nothing else: no protoc on the PATH whose version would differ from machine to machine.
//
// With -check it writes nothing and fails, naming them, if committed files are not what it would write.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const module = "github.com/meseta-io/meseta"

// rooms are where .proto files may lie. They import each other by their paths from there.
var rooms = []string{"messages", "actors"}

func main() {
	root := flag.String("root", ".", "the repository's root folder")
	check := flag.Bool("check", false, "write nothing; fail if a generated file is stale")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	var files, dirs []string
	for _, room := range rooms {
		dir := filepath.Join(root, room)
		found, err := under(dir, ".proto")
		if err != nil {
			return err
		}
		files, dirs = append(files, found...), append(dirs, dir)
	}
	compiled, err := compile(dirs, files)
	if err != nil {
		return err
	}
	generated, err := generate(files, compiled)
	if err != nil {
		return err
	}
	if check {
		return compare(root, generated)
	}
	return write(root, generated)
}

// under lists the files below dir whose names end in suffix, relative to dir, in sorted order. There need be no dir.
func under(dir, suffix string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	slices.Sort(files)
	return files, err
}

func compile(dirs, files []string) (linker.Files, error) {
	c := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: dirs}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	return c.Compile(context.Background(), files...)
}

// generate hands the compiled files to the official generator as a protoc plugin request. It returns the content of
// the generated files by their path from the repository's root.
func generate(files []string, compiled linker.Files) (map[string]string, error) {
	req := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: files,
		Parameter:      proto.String("module=" + module),
	}
	seen := map[string]bool{}
	for _, f := range compiled {
		appendInOrder(req, seen, f)
	}
	gen, err := protogen.Options{}.New(req)
	if err != nil {
		return nil, err
	}
	for _, f := range gen.Files {
		if f.Generate {
			internal_gengo.GenerateFile(gen, f)
		}
	}
	res := gen.Response()
	if res.Error != nil {
		return nil, errors.New(res.GetError())
	}
	generated := map[string]string{}
	for _, f := range res.File {
		generated[f.GetName()] = f.GetContent()
	}
	return generated, nil
}

func write(root string, generated map[string]string) error {
	for name, content := range generated {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compare says which files on disk differ from the generated ones, which are missing, and which no .proto asks for.
func compare(root string, generated map[string]string) error {
	var stale []string
	for name, content := range generated {
		switch on, err := os.ReadFile(filepath.Join(root, name)); {
		case errors.Is(err, fs.ErrNotExist):
			stale = append(stale, name+" is missing")
		case err != nil:
			return err
		case string(on) != content:
			stale = append(stale, name+" is stale")
		}
	}
	for _, room := range rooms {
		committed, err := under(filepath.Join(root, room), ".pb.go")
		if err != nil {
			return err
		}
		for _, name := range committed {
			if name = room + "/" + name; generated[name] == "" {
				stale = append(stale, name+" comes from no .proto")
			}
		}
	}
	if len(stale) == 0 {
		return nil
	}
	slices.Sort(stale)
	return fmt.Errorf("%s; run: go run ./tools/protogen", strings.Join(stale, ", "))
}

// appendInOrder adds a file after everything it imports, as protoc promises to its plugins.
func appendInOrder(req *pluginpb.CodeGeneratorRequest, seen map[string]bool, f protoreflect.FileDescriptor) {
	if seen[f.Path()] {
		return
	}
	seen[f.Path()] = true
	for i := range f.Imports().Len() {
		appendInOrder(req, seen, f.Imports().Get(i).FileDescriptor)
	}
	req.ProtoFile = append(req.ProtoFile, toProto(f))
}

// toProto keeps the source comments, which become the Go documentation of the generated types.
func toProto(f protoreflect.FileDescriptor) *descriptorpb.FileDescriptorProto {
	if r, ok := f.(linker.Result); ok {
		return r.FileDescriptorProto()
	}
	return protodesc.ToFileDescriptorProto(f)
}

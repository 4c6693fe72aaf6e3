package mesos_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "github.com/meseta-io/meseta/messages/mesos/agentpb"
	_ "github.com/meseta-io/meseta/messages/mesos/allocatorpb"
	_ "github.com/meseta-io/meseta/messages/mesos/executorpb"
	_ "github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	_ "github.com/meseta-io/meseta/messages/mesos/masterpb"
	_ "github.com/meseta-io/meseta/messages/mesos/mesospb"
	_ "github.com/meseta-io/meseta/messages/mesos/quotapb"
	_ "github.com/meseta-io/meseta/messages/mesos/resourceproviderpb"
	_ "github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// The tables in testdata were printed from the descriptors of Mesos 1.12. Their columns: kind (message, map_entry, field,
// enum, value), full name of the message or enum, name, number, label, type, default, deprecated, oneof, file.
const columns = "kind\tfull_name\tname\tnumber\tlabel\ttype\tdefault\tdeprecated\toneof\tfile"

// tables reads all rows of testdata, in order.
func tables(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/mesos.v1*.tsv")
	if err != nil || len(files) != 9 {
		t.Fatalf("%d tables: %v", len(files), err)
	}
	var rows []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if lines[0] != columns {
			t.Fatalf("%s: columns are %q", file, lines[0])
		}
		rows = append(rows, lines[1:]...)
	}
	return rows
}

// compiled prints the descriptors of the generated packages in the form of the tables.
func compiled() []string {
	var rows []string
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(f.Package())+".", "mesos.v1.") {
			rows = append(rows, enumRows(f.Enums())...)
			rows = append(rows, messageRows(f.Messages())...)
		}
		return true
	})
	return rows
}

func row(d protoreflect.Descriptor, kind string, rest ...string) string {
	parent := d
	if kind == "field" || kind == "value" {
		parent = d.Parent()
	}
	full := parent.FullName()
	if _, isValue := d.(protoreflect.EnumValueDescriptor); isValue {
		full = d.Parent().FullName()
	}
	cells := append([]string{kind, string(full)}, rest...)
	for len(cells) < 9 {
		cells = append(cells, "")
	}
	return strings.Join(append(cells, d.ParentFile().Path()), "\t")
}

func enumRows(enums protoreflect.EnumDescriptors) []string {
	var rows []string
	for i := range enums.Len() {
		e := enums.Get(i)
		rows = append(rows, row(e, "enum"))
		for j := range e.Values().Len() {
			v := e.Values().Get(j)
			deprecated := v.Options().(*descriptorpb.EnumValueOptions).GetDeprecated()
			rows = append(rows, row(v, "value", string(v.Name()), fmt.Sprint(v.Number()), "", "", "", mark(deprecated)))
		}
	}
	return rows
}

func messageRows(messages protoreflect.MessageDescriptors) []string {
	var rows []string
	for i := range messages.Len() {
		m := messages.Get(i)
		kind := "message"
		if m.IsMapEntry() {
			kind = "map_entry"
		}
		rows = append(rows, row(m, kind))
		for j := range m.Fields().Len() {
			rows = append(rows, fieldRow(m.Fields().Get(j)))
		}
		rows = append(rows, enumRows(m.Enums())...)
		rows = append(rows, messageRows(m.Messages())...)
	}
	return rows
}

func fieldRow(f protoreflect.FieldDescriptor) string {
	typ := f.Kind().String()
	if f.Message() != nil {
		typ = string(f.Message().FullName())
	} else if f.Enum() != nil {
		typ = string(f.Enum().FullName())
	}
	oneof := ""
	if o := f.ContainingOneof(); o != nil {
		oneof = string(o.Name())
	}
	deprecated := f.Options().(*descriptorpb.FieldOptions).GetDeprecated()
	return row(f, "field", string(f.Name()), strconv.Itoa(int(f.Number())), f.Cardinality().String(), typ, defaultOf(f), mark(deprecated), oneof)
}

func defaultOf(f protoreflect.FieldDescriptor) string {
	switch {
	case !f.HasDefault():
		return ""
	case f.Enum() != nil:
		return string(f.DefaultEnumValue().Name())
	case f.Kind() == protoreflect.StringKind:
		return strconv.Quote(f.Default().String())
	}
	return fmt.Sprint(f.Default().Interface())
}

func mark(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// Every row of the tables is in the descriptors and the other way round.
func TestDescriptorsEqualTheTables(t *testing.T) {
	want, got := tables(t), compiled()
	for _, r := range without(want, got) {
		t.Errorf("missing: %s", r)
	}
	for _, r := range without(got, want) {
		t.Errorf("extra: %s", r)
	}
	if len(got) != len(want) {
		t.Errorf("%d rows compiled, %d in the tables", len(got), len(want))
	}
}

func without(all, known []string) []string {
	set := map[string]bool{}
	for _, r := range known {
		set[r] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(r string) bool { return set[r] })
}

// Fields and values are declared in the tables' order, because JSON is written in the order of declaration.
func TestDeclarationOrder(t *testing.T) {
	want, got := byParent(tables(t)), byParent(compiled())
	for parent, names := range want {
		if !slices.Equal(got[parent], names) {
			t.Errorf("%s declares %v, want %v", parent, got[parent], names)
		}
	}
}

func byParent(rows []string) map[string][]string {
	order := map[string][]string{}
	for _, r := range rows {
		cells := strings.Split(r, "\t")
		if cells[2] != "" {
			order[cells[1]] = append(order[cells[1]], cells[2])
		}
	}
	return order
}

// The public API is proto2 throughout: whether a field is set matters.
func TestSyntax(t *testing.T) {
	files := 0
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(f.Path(), "mesos/v1/") {
			files++
			if f.Syntax() != protoreflect.Proto2 {
				t.Errorf("%s is %s", f.Path(), f.Syntax())
			}
		}
		return true
	})
	if files != 9 {
		t.Errorf("%d files", files)
	}
}

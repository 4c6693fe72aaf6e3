package authorization_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func parse(t testing.TB, file string) *authorization.ACLs {
	t.Helper()
	l, err := authorization.Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func as(principal string) authorization.Subject { return authorization.Subject{Principal: principal} }

func framework(user, principal string) *mesospb.FrameworkInfo {
	return &mesospb.FrameworkInfo{Id: &mesospb.FrameworkID{Value: proto.String("f")}, User: proto.String(user), Name: proto.String("f"), Principal: proto.String(principal)}
}

func TestOrder(t *testing.T) {
	user := func(name string) authorization.Object {
		return authorization.Object{Framework: framework(name, "")}
	}
	for _, c := range []struct {
		name, file, principal, user string
		want                        bool
	}{
		{"no file allows", `{}`, "foo", "root", true},
		{"not permissive, nothing is allowed", `{"permissive": false}`, "foo", "root", false},
		{"permissive may be a string", `{"permissive": "false"}`, "foo", "root", false},
		{"the first entry that speaks of both decides", `{"run_tasks": [{"principals": {"values": ["foo"]}, "users": {"values": ["root"]}},
			{"principals": {"type": "ANY"}, "users": {"type": "NONE"}}]}`, "foo", "root", true},
		{"and not a later one", `{"run_tasks": [{"principals": {"type": "ANY"}, "users": {"type": "NONE"}},
			{"principals": {"values": ["foo"]}, "users": {"values": ["root"]}}]}`, "foo", "root", false},
		{"an entry about another user does not speak of this one", `{"run_tasks": [{"principals": {"values": ["foo"]}, "users": {"values": ["guest"]}}]}`, "foo", "root", true},
		{"nor in a list that is not permissive", `{"permissive": false, "run_tasks": [{"principals": {"values": ["foo"]}, "users": {"values": ["guest"]}}]}`, "foo", "root", false},
		{"NONE principals speak of everybody and let nobody", `{"run_tasks": [{"principals": {"type": "NONE"}, "users": {"values": ["root"]}}]}`, "foo", "root", false},
		{"whoever is anonymous is among ANY", `{"permissive": false, "run_tasks": [{"principals": {"type": "ANY"}, "users": {"values": ["root"]}}]}`, "", "root", true},
		{"and not among some", `{"permissive": false, "run_tasks": [{"principals": {"values": ["foo"]}, "users": {"values": ["root"]}}]}`, "", "root", false},
		{"an empty name is nobody's", `{"permissive": false, "run_tasks": [{"principals": {"values": [""]}, "users": {"values": ["root"]}}]}`, "", "root", false},
		{"a name is compared whole", `{"permissive": false, "run_tasks": [{"principals": {"values": ["foo"]}, "users": {"type": "ANY"}}]}`, "foobar", "root", false},
		{"a percent sign is no wildcard for users", `{"permissive": false, "run_tasks": [{"principals": {"type": "ANY"}, "users": {"values": ["%", "r/%"]}}]}`, "foo", "r/x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := authorization.Approves(parse(t, c.file), as(c.principal), authorization.RunTask, user(c.user)); got != c.want {
				t.Errorf("it says %v", got)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, file, why string }{
		{"what is no JSON", `permissive`, "JSON object"},
		{"half a file", `{"permissive": true`, "malformed"},
		{"two files", `{} {}`, "more behind the end"},
		{"a list that there is not", `{"run_task": []}`, `no list "run_task"`},
		{"another case", `{"Run_Tasks": []}`, `no list "Run_Tasks"`},
		{"a list of an old version", `{"shutdown_frameworks": []}`, `write "teardown_frameworks"`},
		{"a list twice", `{"run_tasks": [], "run_tasks": []}`, "comes twice"},
		{"an object that is not the list's", `{"run_tasks": [{"principals": {"type": "ANY"}, "roles": {"type": "ANY"}}]}`, `run_tasks[0]: there is no "roles"`},
		{"an entry without an object", `{"run_tasks": [{"principals": {"type": "ANY"}}]}`, `"users" is missing`},
		{"an entry without a subject", `{"run_tasks": [{"users": {"type": "ANY"}}]}`, `"principals" is missing`},
		{"a type that there is not", `{"run_tasks": [{"principals": {"type": "ALL"}, "users": {"type": "ANY"}}]}`, `"ALL"`},
		{"values that are none", `{"run_tasks": [{"principals": {"values": "foo"}, "users": {"type": "ANY"}}]}`, "a list was expected"},
		{"a value that is no string", `{"run_tasks": [{"principals": {"values": [null]}, "users": {"type": "ANY"}}]}`, "no string"},
		{"nobody at all", `{"run_tasks": [{"principals": {}, "users": {"type": "ANY"}}]}`, "names nobody"},
		{"a word that there is not", `{"run_tasks": [{"principals": {"value": ["foo"]}, "users": {"type": "ANY"}}]}`, `no "value"`},
		{"a path that is not authorizable", `{"get_endpoints": [{"principals": {"type": "ANY"}, "paths": {"values": ["/state"]}}]}`, "not an authorizable path"},
		{"a role that cannot be", `{"register_frameworks": [{"principals": {"type": "ANY"}, "roles": {"values": ["eng//%"]}}]}`, "role"},
		{"some agents", `{"register_agents": [{"principals": {"type": "ANY"}, "agents": {"values": ["a"]}}]}`, "cannot be told apart"},
		{"a permission that is neither", `{"permissive": 1}`, "permissive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := authorization.Parse([]byte(c.file))
			if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("it says %v", err)
			}
		})
	}
}

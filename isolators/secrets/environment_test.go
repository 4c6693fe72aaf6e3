package secrets_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/secrets"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

const canary = "canary-5dd0"

func variable(name string, s *mesospb.Secret) *mesospb.Environment_Variable {
	return &mesospb.Environment_Variable{Name: &name, Type: mesospb.Environment_Variable_SECRET.Enum(), Secret: s}
}

func value(text string) *mesospb.Secret {
	return &mesospb.Secret{Type: mesospb.Secret_VALUE.Enum(), Value: &mesospb.Secret_Value{Data: []byte(text)}}
}

func reference() *mesospb.Secret {
	return &mesospb.Secret{Type: mesospb.Secret_REFERENCE.Enum(), Reference: &mesospb.Secret_Reference{Name: proto.String("vault")}}
}

func with(vs ...*mesospb.Environment_Variable) func(*isolators.Container) {
	return func(c *isolators.Container) { c.Command.Environment = &mesospb.Environment{Variables: vs} }
}

func TestEnvironment(t *testing.T) {
	exam.Take(t, exam.Case{
		Builder: isolators.Builder{Names: []string{"environment_secret"}, New: secrets.NewEnvironment},
		Container: with(variable("TOKEN", value(canary)), variable("EMPTY", value("")), variable("PATH", value("/usr/bin:/bin")),
			&mesospb.Environment_Variable{Name: proto.String("PLAIN"), Value: proto.String("x")}),
		Script: `echo "$TOKEN $EMPTY. $PATH $PLAIN." > told; sleep 600`,
		Prepared: func(t *testing.T, x *exam.Box) {
			if n := len(slices.DeleteFunc(slices.Clone(x.Plan.Env), func(v string) bool { return !strings.HasPrefix(v, "PATH=") })); n != 1 {
				t.Errorf("%d times PATH", n)
			}
			_ = filepath.WalkDir(x.Container.State, func(path string, _ fs.DirEntry, _ error) error {
				if text, _ := os.ReadFile(path); strings.Contains(string(text), canary) {
					t.Errorf("%s has the secret", path)
				}
				return nil
			})
		},
		Running: func(t *testing.T, x *exam.Box) {
			if said := x.File(t, "told"); said != canary+" . /usr/bin:/bin .\n" {
				t.Errorf("it said %q", said)
			}
		},
		Nested: with(variable("TOKEN", value("another"))),
		Refused: map[string]func(*isolators.Container){
			"a reference":         with(variable("TOKEN", reference())),
			"no secret":           with(variable("TOKEN", nil)),
			"a null byte":         with(variable("TOKEN", value("a\x00b"))),
			"a name with a '='":   with(variable("A=B", value("x"))),
			"no name":             with(variable("", value("x"))),
			"a secret of no type": with(variable("TOKEN", &mesospb.Secret{Value: &mesospb.Secret_Value{Data: []byte("x")}})),
		},
	})
}

func TestReasonsKeepSecrets(t *testing.T) {
	i, _ := secrets.NewEnvironment(isolators.Settings{})
	for sentence, v := range map[string]*mesospb.Environment_Variable{
		"Invalid secret specified in environment 'TOKEN': Default secret resolver cannot resolve references": variable("TOKEN", reference()),
		"Invalid environment specified":                 variable("TOKEN", value(canary+"\x00")),
		"Invalid secret specified in environment 'A=B'": variable("A=B", value(canary)),
	} {
		c := &isolators.Container{Command: &mesospb.CommandInfo{}}
		with(v)(c)
		err := i.Prepare(t.Context(), c, &isolators.Plan{})
		if err == nil || !strings.Contains(err.Error(), sentence) || strings.Contains(err.Error(), canary) {
			t.Errorf("%v, want %s", err, sentence)
		}
		if !errors.Is(err, fault.ErrInvalid) && !errors.Is(err, fault.ErrUnsupported) {
			t.Errorf("%v has no class", err)
		}
	}
}

package flags

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Taken is a flag of Mesos' that has nothing behind it here. It is taken, so that start scripts keep working, as long as
// its value asks for nothing that is missing.
type Taken struct {
	Name    string
	Default string
	// Same are values that change nothing, beside Default. "*": every value does. Of a list each item counts.
	Same string
	// Missing is what a value that is refused would need, and what to do: the end of a sentence after "needs".
	Missing string
}

// Take adds flags that have nothing behind them, hidden from the help text. Those that are there already have something.
func Take(set *pflag.FlagSet, table []Taken) {
	for _, t := range table {
		if set.Lookup(t.Name) != nil {
			continue
		}
		v := &takenValue{Taken: t, text: t.Default}
		flag := set.VarPF(v, t.Name, "", "taken for Mesos' sake")
		flag.Hidden = true
		if t.Default == "true" || t.Default == "false" {
			flag.NoOptDefVal = "true"
			no := set.VarPF(&takenNegation{v}, "no_"+t.Name, "", "")
			no.NoOptDefVal = "true"
			no.Hidden = true
		}
	}
}

// IsTaken says whether a flag has nothing behind it.
func IsTaken(f *pflag.Flag) bool {
	_, taken := f.Value.(*takenValue)
	return taken
}

type takenValue struct {
	Taken
	text string
}

// String implements pflag.Value.
func (v *takenValue) String() string { return v.text }

// Type implements pflag.Value.
func (v *takenValue) Type() string { return "text" }

// Set implements pflag.Value.
func (v *takenValue) Set(text string) error {
	if v.Same != "*" && text != v.Default {
		same := append(strings.Split(v.Default, ","), strings.Split(v.Same, ",")...)
		for item := range strings.SplitSeq(text, ",") {
			if !slices.Contains(same, item) {
				return fmt.Errorf("this needs %s", v.Missing)
			}
		}
	}
	v.text = text
	return nil
}

type takenNegation struct{ *takenValue }

// Set implements pflag.Value.
func (n *takenNegation) Set(text string) error {
	if text == "true" {
		return n.takenValue.Set("false")
	}
	return n.takenValue.Set("true")
}

// Standing is what a flag of Mesos' does here.
type Standing struct {
	Works   bool
	Default string // where it does not work: values that are taken besides
	Same    string
	Missing string
}

// StandingOf says what is behind a flag.
func StandingOf(f *pflag.Flag) Standing {
	if v, ok := f.Value.(*takenValue); ok {
		return Standing{Default: v.Default, Same: v.Same, Missing: v.Missing}
	}
	return Standing{Works: true}
}

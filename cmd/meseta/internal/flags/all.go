package flags

import (
	"strings"

	"github.com/spf13/pflag"
)

// All are the settings of a command, each as it would be written: those that were given, and of the others those that have
// a value. It is what /flags shows.
func All(set *pflag.FlagSet) map[string]string {
	all := map[string]string{}
	set.VisitAll(func(f *pflag.Flag) {
		if text := f.Value.String(); (f.Changed || text != "") && !strings.HasPrefix(f.Name, "no_") {
			all[f.Name] = text
		}
	})
	return all
}

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
			all[f.Name] = masked(text)
		}
	})
	return all
}

// masked hides the user and the password of an address of ZooKeeper, zk://user:password@host: whoever may look at settings
// is not meant to have them. A password may hold any character, so its end is the last at sign.
func masked(text string) string {
	if at := strings.LastIndexByte(text, '@'); at >= 0 && strings.HasPrefix(strings.TrimSpace(text), "zk://") {
		return "zk://…" + text[at:]
	}
	return text
}

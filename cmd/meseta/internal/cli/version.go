package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/messages/mesos"
)

// release is the version of Meseta. What masters and agents tell clients is the version of Mesos that they speak.
const release = "0.1.0"

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "say which meseta this is", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.out, versionText())
			return err
		},
	}
}

// versioned gives commands the flag that Mesos' programs have.
func versioned(commands ...*cobra.Command) {
	for _, c := range commands {
		c.Version = versionText()
		c.SetVersionTemplate("{{.Version}}\n")
	}
}

func versionText() string {
	return fmt.Sprintf("meseta %s%s, speaks Mesos %s, %s %s/%s", release, revision(), mesos.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// revision is the commit that the program was built from, if the build knew.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	commit, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = " (" + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = ", changed"
		}
	}
	if commit == "" {
		return ""
	}
	return commit + dirty + ")"
}

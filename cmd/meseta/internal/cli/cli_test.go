package cli_test

import (
	"slices"
	"testing"

	"github.com/meseta-io/meseta/cmd/meseta/internal/cli"
)

func TestArgumentsByTheNameOfTheProgram(t *testing.T) {
	for _, c := range []struct{ argv, want []string }{
		{[]string{"meseta", "run", "x"}, []string{"run", "x"}},
		{[]string{"/usr/bin/mesos-master", "--port=1"}, []string{"master", "--port=1"}},
		{[]string{"mesos-agent"}, []string{"agent"}},
		{[]string{"mesos-slave"}, []string{"agent"}},
		{[]string{"./mesos-local"}, []string{"local"}},
		{[]string{"mesos-execute", "--name=x"}, []string{"execute", "--name=x"}},
		{[]string{"anything", "master"}, []string{"master"}},
		{nil, nil},
	} {
		if got := cli.Arguments(c.argv); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.argv, got, c.want)
		}
	}
}

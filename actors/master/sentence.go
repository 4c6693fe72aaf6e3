package master

import "fmt"

// sentence is an error of a class that reads as Mesos' do: without the class's own words, because frameworks and
// operators get to see it.
type sentence struct {
	text  string
	class error
}

func (s sentence) Error() string { return s.text }
func (s sentence) Unwrap() error { return s.class }

func say(class error, format string, args ...any) error {
	return sentence{fmt.Sprintf(format, args...), class}
}

// at says on which agent something of a framework is wrong.
func at(a *agent, err error) error {
	return say(err, "%s; on agent %s at %s (%s)", err, a.id, a.pid, a.info.GetHostname())
}

package agent

import "github.com/meseta-io/meseta/actors/containerizer/logrotate"

// logged gives a container its logger, if the output of executors is rotated. Its settings are the agent's, and what the
// executor's own environment says: numbers by then, of which nothing is run.
func (a *Agent) logged(e *executor, spec *specOf) error {
	wishes := map[string]string{}
	for _, v := range e.info.GetCommand().GetEnvironment().GetVariables() {
		wishes[v.GetName()] = v.GetValue()
	}
	stdout, stderr, rotated, err := a.config.Logs.For(func(name string) (string, bool) {
		value, ok := wishes[name]
		return value, ok
	})
	if err == nil && rotated {
		spec.Logger = append(append([]string(nil), a.config.Logger...), logrotate.Arguments(stdout, stderr)...)
	}
	return err
}

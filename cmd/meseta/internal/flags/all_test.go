package flags

import "testing"

func TestPasswordsAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"zk://u:p@ss/w@h1,h2/mesos": "zk://…@h1,h2/mesos", " zk://u:p@h/m": "zk://…@h/m", "zk://h/m": "zk://h/m",
		"master@10.0.0.1:5050": "master@10.0.0.1:5050", "": "",
	} {
		if got := masked(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

package cni

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestParse(t *testing.T) {
	for _, x := range []struct{ shows, text, plugins, version, wrong string }{
		{"one plugin", `{"name":"a","cniVersion":"0.3.1","type":"bridge"}`, "bridge", "0.3.1", ""},
		{"a list", `{"name":"a","cniVersion":"1.0.0","plugins":[{"type":"ptp"},{"type":"portmap"}]}`, "ptp portmap", "1.0.0", ""},
		{"no version is the first", `{"name":"a","type":"bridge"}`, "bridge", "0.1.0", ""},
		{"Mesos' port mapper", `{"name":"a","type":"mesos-cni-port-mapper","delegate":{"type":"bridge"}}`, "bridge portmap", "0.3.1", ""},
		{"Mesos' port mapper with an old delegate", `{"name":"a","cniVersion":"0.2.0","type":"mesos-cni-port-mapper","delegate":{"type":"bridge"}}`, "bridge portmap", "0.3.1", ""},
		{"Mesos' port mapper with a version", `{"name":"a","type":"mesos-cni-port-mapper","delegate":{"type":"bridge","cniVersion":"0.4.0"}}`, "bridge portmap", "0.4.0", ""},
		{"Mesos' port mapper for nobody", `{"name":"a","type":"mesos-cni-port-mapper"}`, "", "", "delegate"},
		{"too many devices", `{"name":"a","type":"mesos-cni-port-mapper","excludeDevices":["a","b"],"delegate":{"type":"bridge"}}`, "", "", "one device, not 2"},
		{"no name", `{"type":"bridge"}`, "", "", `a network needs a "name"`},
		{"a name that is a path", `{"name":"../a","type":"bridge"}`, "", "", `a network needs a "name"`},
		{"no type", `{"name":"a"}`, "", "", `a plugin needs a "type"`},
		{"a type that is a path", `{"name":"a","type":"../../bin/sh"}`, "", "", `a plugin needs a "type"`},
		{"an empty list", `{"name":"a","plugins":[]}`, "", "", "has no plugins"},
		{"a list of words", `{"name":"a","plugins":["bridge"]}`, "", "", "a plugin is an object"},
		{"no JSON", `name: a`, "", "", "not the JSON"},
	} {
		t.Run(x.shows, func(t *testing.T) {
			n, err := parse([]byte(x.text))
			if x.wrong != "" {
				if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), x.wrong) {
					t.Errorf("%v; want %s", err, x.wrong)
				}
				return
			}
			var kinds []string
			for _, p := range n.plugins {
				kinds = append(kinds, p["type"].(string))
			}
			if err != nil || strings.Join(kinds, " ") != x.plugins || n.version != x.version || n.maps() != strings.Contains(x.shows, "mapper") {
				t.Errorf("%v %s, %v", kinds, n.version, err)
			}
			list, err := n.list(&mesospb.NetworkInfo{Name: proto.String("a")})
			if err != nil || list.Name != "a" || list.CNIVersion != x.version || len(list.Plugins) != len(kinds) {
				t.Errorf("for libcni: %+v, %v", list, err)
			}
		})
	}
}

func TestExcludedDevice(t *testing.T) {
	n, err := parse([]byte(`{"name":"a","type":"mesos-cni-port-mapper","excludeDevices":["mesos-cni0"],"delegate":{"type":"bridge"}}`))
	if err != nil || !slices.Equal(n.plugins[1]["conditionsV4"].([]any), []any{"!", "-i", "mesos-cni0"}) {
		t.Errorf("%v, %v", n.plugins, err)
	}
}

// A directory may hold anything. What describes no network is passed over, and said.
func TestNetworks(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.conf": `{"name":"a","type":"bridge"}`, "README": "no JSON", "b": `{"name":"b","type":"ptp"}`,
		"again.conf": `{"name":"b","type":"bridge"}`, "large.conf": `{"name":"c","type":"ptp","x":"` + strings.Repeat("x", largest) + `"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	var problems []string
	all, err := networks(dir, func(file string, err error) { problems = append(problems, filepath.Base(file)) })
	if err != nil || len(all) != 2 || all["a"].name != "a" || all["b"].plugins[0]["type"] != "bridge" { // the first by the name of its file
		t.Errorf("%v, %v", all, err)
	}
	if !slices.Equal(problems, []string{"README", "b", "large.conf"}) {
		t.Errorf("problems with %v", problems)
	}
}

func TestFlags(t *testing.T) {
	dir := t.TempDir()
	base := isolators.Settings{Root: true, Launcher: "linux", WorkDir: dir, RuntimeDir: dir}
	for _, x := range []struct {
		shows  string
		change func(s *isolators.Settings)
		wrong  string
		flags  bool
	}{
		{"no networks", func(*isolators.Settings) {}, "", false},
		{"two directories", func(s *isolators.Settings) { s.NetworkCNIPluginsDir, s.NetworkCNIConfigDir = dir+":/", dir }, "", false},
		{"no plugins", func(s *isolators.Settings) { s.NetworkCNIConfigDir = dir }, "without --network_cni_plugins_dir", true},
		{"no networks for plugins", func(s *isolators.Settings) { s.NetworkCNIPluginsDir = dir }, "without --network_cni_config_dir", true},
		{"a directory that is not there", func(s *isolators.Settings) { s.NetworkCNIPluginsDir, s.NetworkCNIConfigDir = dir, dir+"/none" }, "/none is not a directory", true},
		{"one of many that is not there", func(s *isolators.Settings) { s.NetworkCNIPluginsDir, s.NetworkCNIConfigDir = dir+":"+dir+"/none", dir }, "/none is not a directory", true},
		{"name servers that are no JSON", func(s *isolators.Settings) { s.DefaultContainerDNS = "8.8.8.8" }, "--default_container_dns: not JSON", true},
		{"name servers for Docker's modes", func(s *isolators.Settings) { s.DefaultContainerDNS = `{"mesos":[{"network_mode":"HOST"}]}` }, "the network_mode is CNI", true},
		{"name servers for all others twice", func(s *isolators.Settings) {
			s.DefaultContainerDNS = `{"mesos":[{"network_mode":"CNI"},{"network_mode":"CNI"}]}`
		}, "one entry without a network_name", true},
		{"name servers for one twice", func(s *isolators.Settings) {
			s.DefaultContainerDNS = `{"mesos":[{"network_mode":"CNI","network_name":"a"},{"network_mode":"CNI","network_name":"a"}]}`
		}, `network "a" is there already`, true},
		{"no root", func(s *isolators.Settings) { s.Root = false }, "root privileges", false},
		{"no launcher for it", func(s *isolators.Settings) { s.Launcher = "posix" }, "--launcher=linux", false},
	} {
		t.Run(x.shows, func(t *testing.T) {
			s := base
			x.change(&s)
			_, err := New(s)
			if x.wrong == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), x.wrong) || errors.Is(err, isolators.ErrFlags) != x.flags {
				t.Errorf("%v; want %s", err, x.wrong)
			}
		})
	}
}

func TestNameOf(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, x := range []struct{ asked, id, want string }{
		{"web", "box", "web"}, {"", "box", "box"}, {"", "box.inner", "inner"}, {"", long, long[:63]}, {"", "a:b@c", "a-b-c"}, {"", "-a-", "a"},
	} {
		if got, err := nameOf(x.asked, x.id); err != nil || got != x.want {
			t.Errorf("%q, %q: %q, %v", x.asked, x.id, got, err)
		}
	}
	for _, bad := range []string{"a b", "a\nb", "-a", "a-", "é", long, "a/b"} {
		if got, err := nameOf(bad, "box"); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

func TestMachineResolver(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	stub, real, plain := file("stub", "nameserver 127.0.0.53\n"), file("real", "nameserver 10.0.0.2\n"), file("plain", "nameserver 127.0.0.1\nnameserver 10.0.0.1\n")
	for want, paths := range map[string][]string{
		"nameserver 10.0.0.2\n":                       {stub, real},
		"nameserver 127.0.0.53\n":                     {stub, dir + "/none"},
		"nameserver 127.0.0.1\nnameserver 10.0.0.1\n": {plain, real},
		"": {dir + "/none"},
	} {
		if got := machineResolver(paths...); got != want {
			t.Errorf("%v: %q; want %q", paths, got, want)
		}
	}
}

func TestForPlugins(t *testing.T) {
	if got := forPlugins("a.b-c_d"); got != "a.b-c_d" {
		t.Error(got)
	}
	if a, b := forPlugins("a:b"), forPlugins("a@b"); a == b || !strings.HasPrefix(a, "meseta-") {
		t.Error(a, b)
	}
}

// FuzzParse reads what operators write; what is read can be told to plugins.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"name":"a","cniVersion":"0.3.1","type":"bridge","dns":{"nameservers":["1.1.1.1"]}}`))
	f.Add([]byte(`{"name":"a","plugins":[{"type":"ptp","args":{"a":1}},{"type":"portmap","capabilities":{"portMappings":true}}]}`))
	f.Add([]byte(`{"name":"a","type":"mesos-cni-port-mapper","excludeDevices":["x"],"delegate":{"type":"bridge","dns":{}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parse(b)
		if err != nil {
			return
		}
		if list, err := n.list(&mesospb.NetworkInfo{Name: &n.name}); err == nil && (list.Name != n.name || len(list.Plugins) != len(n.plugins)) {
			t.Errorf("%+v of %s", list, b)
		}
		_ = n.maps()
	})
}

// FuzzDefaults reads the flag of name servers.
func FuzzDefaults(f *testing.F) {
	f.Add(`{"mesos":[{"network_mode":"CNI","network_name":"a","dns":{"nameservers":["8.8.8.8"]}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := parseDefaults(text); err == nil {
			_ = resolverFile(d.of("a"))
		}
	})
}

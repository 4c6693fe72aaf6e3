package flags_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/meseta-io/meseta/cmd/meseta/internal/flags"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

type nested struct {
	Interval time.Duration `flag:"allocation_interval"`
}

type config struct {
	nested
	Inner nested2

	WorkDir   string        `flag:"work_dir" help:"where things live"`
	Timeout   time.Duration `flag:"offer_timeout"`
	Cache     uint64        `flag:"fetcher_cache_size" unit:"bytes"`
	Strict    bool          `flag:"strict"`
	Port      uint16        `flag:"port"`
	Count     int           `flag:"max_count"`
	Factor    float64       `flag:"factor"`
	Roles     []string      `flag:"roles"`
	Optional  *int          `flag:"optional"`
	Resources string        `flag:"resources"`
	Secrets   string        `flag:"credentials" unit:"path"`
	Untouched string
}

type nested2 struct {
	Depth int `flag:"depth"`
}

func bound(t *testing.T, arguments ...string) (*config, *pflag.FlagSet, error) {
	t.Helper()
	c := &config{Timeout: time.Minute, Strict: true, Cache: 2 << 30, Port: 5050}
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	set.SetOutput(io.Discard)
	flags.Bind(set, c)
	set.String("config", "", "")
	err := set.Parse(arguments)
	if err != nil {
		err = flags.Explain(err, set)
	}
	return c, set, err
}

// A flag that is a message is written as JSON, and shown so.
func TestMessages(t *testing.T) {
	var c struct {
		Domain *mesospb.DomainInfo `flag:"domain"`
	}
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.Bind(set, &c)
	if text, there := flags.All(set)["domain"]; there || c.Domain != nil {
		t.Errorf("without a value it is %q", text)
	}
	const text = `{"fault_domain":{"region":{"name":"eu"},"zone":{"name":"a"}}}`
	if err := set.Set("domain", text); err != nil || c.Domain.GetFaultDomain().GetZone().GetName() != "a" || flags.All(set)["domain"] != text {
		t.Errorf("%v, %v, shown as %s", err, c.Domain, flags.All(set)["domain"])
	}
	for _, bad := range []string{"eu", "{", `{"fault_domain":{"region":{}}}`, `{"fault_domain":1}`} {
		if err := set.Set("domain", bad); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	if flags.All(set)["domain"] != text {
		t.Errorf("a bad value left %s", flags.All(set)["domain"])
	}
}

func TestBindTakesEveryKindInEitherSpelling(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resources")
	if err := os.WriteFile(file, []byte("cpus:4;mem:64\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := bound(t, "--work-dir=/w", "--offer_timeout", "15secs", "--fetcher_cache_size=10MB", "--no-strict",
		"--port=0", "--max_count=-3", "--factor=0.5", "--roles=a,b", "--optional=7", "--resources=file://"+file, "--depth=2", "--allocation_interval=2secs")
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case c.WorkDir != "/w", c.Timeout != 15*time.Second, c.Cache != 10<<20, c.Strict, c.Port != 0, c.Count != -3,
		c.Factor != 0.5, strings.Join(c.Roles, "+") != "a+b", c.Optional == nil || *c.Optional != 7,
		c.Resources != "cpus:4;mem:64", c.Inner.Depth != 2, c.Interval != 2*time.Second:
		t.Errorf("got %+v", c)
	}
}

func TestDefaultsStay(t *testing.T) {
	c, set, err := bound(t)
	if err != nil || c.Timeout != time.Minute || c.Optional != nil || !c.Strict {
		t.Errorf("got %+v, %v", c, err)
	}
	for name, want := range map[string]string{"offer_timeout": "1mins", "fetcher_cache_size": "2GB", "strict": "true", "optional": ""} {
		if got := set.Lookup(name).DefValue; got != want {
			t.Errorf("default of --%s: %q, want %q", name, got, want)
		}
	}
	if usage := set.Lookup("work_dir").Usage; usage != "where things live" {
		t.Errorf("usage %q", usage)
	}
}

func TestBadCommandLinesSayWhyAndWhatIsNear(t *testing.T) {
	for argument, want := range map[string]string{
		"--resorces=x":           "unknown flag --resorces: did you mean --resources?",
		"--wrok-dir=x":           "unknown flag --wrok-dir: did you mean --work_dir?",
		"--no-strikt":            "unknown flag --no-strikt: did you mean --no_strict?",
		"--quorum=1":             "unknown flag --quorum",
		"-z":                     "unknown flag -z",
		"--offer_timeout=soon":   "--offer_timeout=soon: a duration expected, as in 15secs, 5mins, 2weeks or 1h30m",
		"--fetcher_cache_size=1": "--fetcher_cache_size=1: a size expected with its unit B, KB, MB, GB or TB, as in 10MB",
		"--port=70000":           "--port=70000: a whole number from 0 to 65535 expected",
		"--strict=maybe":         "--strict=maybe: true or false expected",
		"--no-strict=maybe":      "--no_strict=maybe: true or false expected",
		"--max_count=many":       "--max_count=many: a whole number expected",
		"--factor=x":             "--factor=x: a number expected",
		"--work_dir":             "--work_dir: a value is missing, as in --work_dir=text",
		"--work_dir=file:///nix": "--work_dir=file:///nix: open /nix: no such file or directory",
		"--optional=x":           "--optional=x: a whole number expected",
	} {
		if _, _, err := bound(t, argument); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", argument, err, want)
		}
	}
}

func TestTheFirstSourceWins(t *testing.T) {
	file := filepath.Join(t.TempDir(), "meseta.yaml")
	content := "offer_timeout: 1secs\nwork-dir: /file\nroles: [x, y]\nmax_count: 5\nstrict: false\nresources: from-file\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MESOS_WORK_DIR", "/mesos")
	t.Setenv("MESETA_WORK_DIR", "/meseta")
	t.Setenv("MESOS_OFFER_TIMEOUT", "2secs")
	t.Setenv("MESOS_MAX_COUNT", "6")
	t.Setenv("MESOS_SOMETHING_ELSE", "ignored")
	c, set, err := bound(t, "--offer_timeout=3secs")
	if err != nil {
		t.Fatal(err)
	}
	if err := flags.Fill(set, file); err != nil {
		t.Fatal(err)
	}
	if c.Timeout != 3*time.Second || c.WorkDir != "/meseta" || c.Count != 6 || len(c.Roles) != 2 || c.Strict || c.Resources != "from-file" {
		t.Errorf("got %+v", c)
	}
}

func TestNoOnTheCommandLineBeatsTheEnvironment(t *testing.T) {
	t.Setenv("MESOS_STRICT", "true")
	c, set, err := bound(t, "--no-strict")
	if err != nil {
		t.Fatal(err)
	}
	if err := flags.Fill(set, ""); err != nil || c.Strict {
		t.Errorf("strict is %v, %v", c.Strict, err)
	}
}

func TestBadEnvironmentAndFilesAreRefused(t *testing.T) {
	write := func(name, content string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, c := range []struct{ name, file, variable, want string }{
		{"unknown setting", write("c.yaml", "offer_timeuot: 1secs"), "", "unknown setting offer_timeuot: did you mean offer_timeout?"},
		{"bad value in a file", write("c.toml", `offer_timeout = "soon"`), "", "offer_timeout: soon: a duration expected"},
		{"missing file", "/nowhere/c.yaml", "", "configuration file /nowhere/c.yaml"},
		{"broken file", write("c.json", `{`), "", "configuration file"},
		{"bad variable", "", "MESOS_OFFER_TIMEOUT", "environment variable MESOS_OFFER_TIMEOUT=soon: a duration expected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.variable != "" {
				t.Setenv(c.variable, "soon")
			}
			_, set, _ := bound(t)
			if err := flags.Fill(set, c.file); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestStructuredSettingsBecomeJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.json")
	if err := os.WriteFile(file, []byte(`{"resources": [{"name": "cpus"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c, set, _ := bound(t)
	if err := flags.Fill(set, file); err != nil || c.Resources != `[{"name":"cpus"}]` {
		t.Errorf("got %q, %v", c.Resources, err)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"master", "agent", "run", "resources"}
	for word, want := range map[string]string{"mater": "master", "agnet": "agent", "rnu": "run", "resuorces": "resources", "frobnicate": "", "": ""} {
		if got := flags.Nearest(word, words); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

// A flag that names a file takes it as Mesos does, and does not read it.
func TestBindLeavesFilesClosed(t *testing.T) {
	for _, argument := range []string{"--credentials=/etc/secret", "--credentials=file:///etc/secret"} {
		if c, _, err := bound(t, argument); err != nil || c.Secrets != "/etc/secret" {
			t.Errorf("%s: %q, %v", argument, c.Secrets, err)
		}
	}
}

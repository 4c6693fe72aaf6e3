package logrotate_test

import (
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/containerizer/logrotate"
)

func rotating() logrotate.Config {
	c := logrotate.Default()
	c.ContainerLogger = "org_apache_mesos_LogrotateContainerLogger"
	return c
}

// An executor chooses for itself; what it leaves alone is the agent's.
func TestStreams(t *testing.T) {
	agent := rotating()
	agent.MaxStderrSize, agent.LogrotateStderrOptions = 4096, "rotate 3"
	nine := logrotate.Stream{Size: 10 << 20, Keep: 9}
	three := logrotate.Stream{Size: 4096, Keep: 3}
	for name, c := range map[string]struct {
		env            map[string]string
		stdout, stderr logrotate.Stream
	}{
		"the agent's":            {nil, nine, three},
		"a size":                 {map[string]string{"CONTAINER_LOGGER_MAX_STDOUT_SIZE": "2MB"}, logrotate.Stream{Size: 2 << 20, Keep: 9}, three},
		"options":                {map[string]string{"CONTAINER_LOGGER_LOGROTATE_STDERR_OPTIONS": "rotate 0\ncompress\n"}, nine, logrotate.Stream{Size: 4096, Compress: true}},
		"several in a line":      {map[string]string{"CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS": " rotate 4 ; compress;delaycompress # later"}, logrotate.Stream{Size: 10 << 20, Keep: 4, Compress: true, Delay: true}, three},
		"the last word counts":   {map[string]string{"CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS": "compress\nrotate 1\nrotate 2\nnocompress"}, logrotate.Stream{Size: 10 << 20, Keep: 2}, three},
		"what is so anyway":      {map[string]string{"CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS": "missingok\nnotifempty\nsize 1k"}, nine, three},
		"options of another one": {map[string]string{"LOGGER_MAX_STDOUT_SIZE": "x"}, nine, three},
	} {
		stdout, stderr, rotated, err := agent.For(of(c.env))
		if err != nil || !rotated || stdout != c.stdout || stderr != c.stderr {
			t.Errorf("%s: %+v, %+v, %v, %v", name, stdout, stderr, rotated, err)
		}
		for i, text := range logrotate.Arguments(stdout, stderr) {
			if again, err := logrotate.Read(text); err != nil || again != []logrotate.Stream{stdout, stderr}[i] {
				t.Errorf("%s: %s is read as %+v, %v", name, text, again, err)
			}
		}
	}
}

func of(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

// What could run a command, write elsewhere, or keep without end is refused, with the setting's name and the reason.
func TestRefusals(t *testing.T) {
	for options, want := range map[string]string{
		"postrotate\n touch /tmp/x\nendscript": `option "postrotate" is not supported`,
		"prerotate\nid\nendscript":             `option "prerotate"`,
		"firstaction":                          `option "firstaction"`,
		"compresscmd /bin/sh":                  `option "compresscmd"`,
		"rotate 9\n}\n/etc/passwd {":           `option "}"`,
		"include /etc":                         `option "include"`,
		"olddir /etc":                          `option "olddir"`,
		"mail root":                            `option "mail"`,
		"rotate -1":                            "a number from 0 to 999",
		"rotate 1000":                          "a number from 0 to 999",
		"rotate":                               `option "rotate"`,
		"compress now":                         `option "compress"`,
		strings.Repeat("compress\n", 500):      "at most 4096",
	} {
		agent := rotating()
		_, _, _, err := agent.For(of(map[string]string{"CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS": options}))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS: ") {
			t.Errorf("%q: %v", options, err)
		}
		agent.LogrotateStderrOptions = options
		if err := agent.Validate(); err == nil || !strings.HasPrefix(err.Error(), "--container_logger_logrotate_stderr_options: ") {
			t.Errorf("%q as a flag: %v", options, err)
		}
	}
	for text, want := range map[string]string{"4095B": "at least 4096", "12": "a size is expected", "-1MB": "a size is expected", "9999999TB": "a size is expected"} {
		if _, _, _, err := rotating().For(of(map[string]string{"CONTAINER_LOGGER_MAX_STDERR_SIZE": text})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Nothing is rotated, and nothing refused, unless the agent says so.
func TestSandboxIsTheDefault(t *testing.T) {
	for _, name := range []string{"", "sandbox", "org_apache_mesos_SandboxContainerLogger", logrotate.Default().ContainerLogger} {
		c := logrotate.Default()
		c.ContainerLogger = name
		_, _, rotated, err := c.For(of(map[string]string{"CONTAINER_LOGGER_MAX_STDOUT_SIZE": "many"}))
		if rotated || err != nil || c.Validate() != nil {
			t.Errorf("%q: rotated %v, %v, %v", name, rotated, err, c.Validate())
		}
	}
	c := logrotate.Default()
	c.ContainerLogger, c.EnvironmentVariablePrefix = "journald", ""
	if err := c.Validate(); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got %v, want two problems", err)
	}
}

// FuzzOptions: whatever an executor says, what comes of it is within bounds and survives being handed over.
func FuzzOptions(f *testing.F) {
	for _, seed := range []string{"rotate 9\ncompress", "postrotate\nid\nendscript", "rotate -1;;#", "size 1k\nrotate 99999999999999999999"} {
		f.Add(seed, "2MB")
	}
	f.Fuzz(func(t *testing.T, options, size string) {
		c := rotating()
		stdout, _, _, err := c.For(of(map[string]string{"CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS": options, "CONTAINER_LOGGER_MAX_STDOUT_SIZE": size}))
		if err != nil {
			return
		}
		if again, err := logrotate.Read(stdout.String()); err != nil || again != stdout || stdout.Keep > 999 || stdout.Size < logrotate.MinSize {
			t.Errorf("%+v is read as %+v, %v", stdout, again, err)
		}
	})
}

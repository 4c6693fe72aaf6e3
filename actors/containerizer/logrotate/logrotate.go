// Package logrotate says how much of what executors print is kept: the settings of Mesos' logrotate container logger,
// as pure words. Package logger, below posix, is who writes and rotates.
//
// Mesos hands the options to the program logrotate, whose language can run commands, as whoever runs the logger. Here
// they are read, and the few that say how much to keep are understood; everything else is refused, not passed on.
package logrotate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/bytesize"
)

// Names of container loggers.
const (
	// Sandbox keeps everything, in two plain files.
	Sandbox = "sandbox"
	// Logrotate keeps the last so many files of a bounded size.
	Logrotate = "logrotate"
)

// aliases are what Mesos' modules are called.
var aliases = map[string]string{
	"": Sandbox, Sandbox: Sandbox, "org_apache_mesos_SandboxContainerLogger": Sandbox,
	Logrotate: Logrotate, "org_apache_mesos_LogrotateContainerLogger": Logrotate,
}

// MinSize is the smallest a file may be allowed to grow: a page, as in Mesos.
const MinSize = 4096

// maxKeep bounds how many files there are, because each is renamed at each rotation.
const maxKeep = 999

// defaultKeep is how many rotated files are kept when nobody says: with the default size a task has 100 MB.
const defaultKeep = 9

// Config is what an agent can be told about it.
type Config struct {
	// ContainerLogger says what becomes of what executors print: 'sandbox' keeps all of it in the files stdout and stderr,
	// 'logrotate' keeps the end of it, in stdout, stdout.1, stdout.2 and so on. Mesos' names of the two modules,
	// org_apache_mesos_SandboxContainerLogger and org_apache_mesos_LogrotateContainerLogger, mean the same.
	ContainerLogger string `flag:"container_logger"`
	// MaxStdoutSize is how large stdout grows before it is rotated. It and the settings below are parameters of Mesos'
	// module, and matter with --container_logger=logrotate.
	MaxStdoutSize int64 `flag:"container_logger_max_stdout_size" unit:"bytes"`
	// MaxStderrSize is how large stderr grows before it is rotated.
	MaxStderrSize int64 `flag:"container_logger_max_stderr_size" unit:"bytes"`
	// LogrotateStdoutOptions say what is kept of stdout, in logrotate's words, one a line or with semicolons between them:
	// 'rotate 9' (so many rotated files, 9 if it does not say), 'compress' (with gzip), 'delaycompress' (not the newest of them).
	// Scripts and whatever else logrotate could do are refused.
	LogrotateStdoutOptions string `flag:"container_logger_logrotate_stdout_options"`
	// LogrotateStderrOptions say what is kept of stderr.
	LogrotateStderrOptions string `flag:"container_logger_logrotate_stderr_options"`
	// EnvironmentVariablePrefix begins the variables by which an executor chooses for itself: CONTAINER_LOGGER_MAX_STDOUT_SIZE,
	// CONTAINER_LOGGER_MAX_STDERR_SIZE, CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS and CONTAINER_LOGGER_LOGROTATE_STDERR_OPTIONS.
	EnvironmentVariablePrefix string `flag:"container_logger_environment_variable_prefix"`
}

// Default is Mesos', which rotates nothing.
func Default() Config {
	return Config{ContainerLogger: Sandbox, MaxStdoutSize: 10 << 20, MaxStderrSize: 10 << 20, EnvironmentVariablePrefix: "CONTAINER_LOGGER_"}
}

// Validate reports every problem at once, each with its flag.
func (c Config) Validate() error {
	var problems []error
	if _, known := aliases[c.ContainerLogger]; !known {
		problems = append(problems, fmt.Errorf("--container_logger=%s: %s or %s expected; there are no modules", c.ContainerLogger, Sandbox, Logrotate))
	}
	if c.EnvironmentVariablePrefix == "" {
		problems = append(problems, errors.New("--container_logger_environment_variable_prefix: not empty, or any variable of an executor might be taken for a setting"))
	}
	_, err := c.both(func(name string) string { return "--container_logger_" + name })
	return errors.Join(append(problems, err)...)
}

// For is how the output of an executor is kept that has these variables; rotated is false if all of it is. A setting
// that an executor got wrong is an error, because an executor that asked for something else would fill the disk.
func (c Config) For(variables func(name string) (value string, ok bool)) (stdout, stderr Stream, rotated bool, err error) {
	if aliases[c.ContainerLogger] != Logrotate {
		return Stream{}, Stream{}, false, nil
	}
	if err = c.override(variables); err != nil {
		return Stream{}, Stream{}, false, err
	}
	streams, err := c.both(func(name string) string { return c.EnvironmentVariablePrefix + strings.ToUpper(name) })
	return streams[0], streams[1], true, err
}

// override takes the executor's own wishes.
func (c *Config) override(variables func(string) (string, bool)) error {
	for name, to := range map[string]*int64{"MAX_STDOUT_SIZE": &c.MaxStdoutSize, "MAX_STDERR_SIZE": &c.MaxStderrSize} {
		text, ok := variables(c.EnvironmentVariablePrefix + name)
		if !ok {
			continue
		}
		n, err := bytesize.Parse(text)
		if err != nil || n > math.MaxInt64 {
			return fmt.Errorf("%s%s=%s: a size is expected, such as 10MB", c.EnvironmentVariablePrefix, name, text)
		}
		*to = int64(n)
	}
	for name, to := range map[string]*string{"LOGROTATE_STDOUT_OPTIONS": &c.LogrotateStdoutOptions, "LOGROTATE_STDERR_OPTIONS": &c.LogrotateStderrOptions} {
		if text, ok := variables(c.EnvironmentVariablePrefix + name); ok {
			*to = text
		}
	}
	return nil
}

// both are the two streams; called says what people call a setting.
func (c Config) both(called func(string) string) (streams [2]Stream, err error) {
	var problems []error
	for i, s := range []struct {
		size                   int64
		options, sizeOf, named string
	}{
		{c.MaxStdoutSize, c.LogrotateStdoutOptions, "max_stdout_size", "logrotate_stdout_options"},
		{c.MaxStderrSize, c.LogrotateStderrOptions, "max_stderr_size", "logrotate_stderr_options"},
	} {
		if s.size < MinSize {
			problems = append(problems, fmt.Errorf("%s=%dB: at least %d bytes, or there would be nothing but rotating", called(s.sizeOf), s.size, MinSize))
		}
		stream, err := parse(s.options)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", called(s.named), err))
		}
		stream.Size = s.size
		streams[i] = stream
	}
	return streams, errors.Join(problems...)
}

// Stream is how one stream is kept.
type Stream struct {
	// Size is what a file may hold, in bytes.
	Size int64
	// Keep is how many rotated files there are beside the one that is written.
	Keep int
	// Compress packs rotated files with gzip; Delay leaves the newest of them alone.
	Compress, Delay bool
}

// maxOptions bounds what is read of options: there are a handful of words to say.
const maxOptions = 4096

// parse reads logrotate's options.
func parse(options string) (Stream, error) {
	s := Stream{Keep: defaultKeep}
	if len(options) > maxOptions {
		return s, fmt.Errorf("%d bytes of options: at most %d", len(options), maxOptions)
	}
	for line := range strings.FieldsFuncSeq(options, func(r rune) bool { return r == '\n' || r == ';' }) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := s.obey(words); err != nil {
			return s, err
		}
	}
	return s, nil
}

// idle are options that say what is so anyway. The size is the one of its own setting, as in Mesos.
var idle = []string{"missingok", "notifempty", "nodateext", "nocreate", "nomail", "nosharedscripts", "nocopytruncate"}

func (s *Stream) obey(words []string) error {
	switch option := words[0]; {
	case option == "rotate" && len(words) == 2:
		n, err := strconv.Atoi(words[1])
		if err != nil || n < 0 || n > maxKeep {
			return fmt.Errorf("rotate %q: a number from 0 to %d", words[1], maxKeep)
		}
		s.Keep = n
	case option == "size" && len(words) == 2:
	case len(words) != 1:
		return refused(words[0])
	case option == "compress" || option == "nocompress":
		s.Compress = option == "compress"
	case option == "delaycompress" || option == "nodelaycompress":
		s.Delay = option == "delaycompress"
	case !slices.Contains(idle, option):
		return refused(option)
	}
	return nil
}

func refused(option string) error {
	return fmt.Errorf("option %.40q is not supported: rotate N, compress and delaycompress are, and nothing that runs a command", option)
}

// String is the stream as an argument of the logger's program.
func (s Stream) String() string {
	return fmt.Sprintf("%d:%d:%t:%t", s.Size, s.Keep, s.Compress, s.Delay)
}

// Read reads what String wrote.
func Read(text string) (Stream, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 4 {
		return Stream{}, fmt.Errorf("stream %q: SIZE:KEEP:COMPRESS:DELAY expected", text)
	}
	var s Stream
	var errs [4]error
	s.Size, errs[0] = strconv.ParseInt(parts[0], 10, 64)
	s.Keep, errs[1] = strconv.Atoi(parts[1])
	s.Compress, errs[2] = strconv.ParseBool(parts[2])
	s.Delay, errs[3] = strconv.ParseBool(parts[3])
	if err := errors.Join(errs[:]...); err != nil {
		return Stream{}, fmt.Errorf("stream %q: %w", text, err)
	}
	if s.Size < MinSize || s.Keep < 0 || s.Keep > maxKeep {
		return Stream{}, fmt.Errorf("stream %q: at least %d bytes, and from 0 to %d files", text, MinSize, maxKeep)
	}
	return s, nil
}

// Arguments are what the logger's program is started with, after its own name.
func Arguments(stdout, stderr Stream) []string { return []string{stdout.String(), stderr.String()} }

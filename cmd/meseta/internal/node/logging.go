package node

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// Logging is where a server logs, and how much.
type Logging struct {
	// Level is from which level on messages are logged: DEBUG, INFO, WARNING or ERROR.
	Level Level `flag:"logging_level"`
	// LogDir is the directory of the log file. Empty: nothing is written to disk.
	LogDir string `flag:"log_dir" unit:"path"`
	// Quiet says whether nothing is logged to stderr.
	Quiet bool `flag:"quiet"`
	// ExternalLogFile is the file in which somebody else keeps what this server says on stderr; it is shown as its log.
	ExternalLogFile string `flag:"external_log_file" unit:"path"`
}

// Log is an open log.
type Log struct {
	*slog.Logger
	// Threshold is from which level on messages are logged; it can be changed at any time.
	Threshold *slog.LevelVar
	// File is the file that has the log, or empty.
	File string
	file io.Closer
}

// Open opens the log of a program: "master", "agent".
func (l Logging) Open(program string, stderr io.Writer) (*Log, error) {
	log := &Log{Threshold: new(slog.LevelVar), File: l.ExternalLogFile}
	log.Threshold.Set(slog.Level(l.Level))
	var to []io.Writer
	if !l.Quiet {
		to = append(to, stderr)
	}
	if l.LogDir != "" {
		if err := os.MkdirAll(l.LogDir, 0o755); err != nil {
			return nil, fmt.Errorf("--log_dir: %w; name another directory", err)
		}
		f, err := os.OpenFile(filepath.Join(l.LogDir, "meseta-"+program+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, fmt.Errorf("--log_dir: %w; name another directory", err)
		}
		log.file = f
		to = append(to, f)
		if log.File == "" {
			if log.File, err = filepath.Abs(f.Name()); err != nil {
				return nil, err
			}
		}
	}
	log.Logger = slog.New(slog.NewTextHandler(io.MultiWriter(to...), &slog.HandlerOptions{Level: log.Threshold}))
	return log, nil
}

// Close closes the file.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// Level is a logging level with Mesos' names.
type Level slog.Level

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(text []byte) error {
	switch name := strings.ToUpper(string(text)); name {
	case "DEBUG":
		*l = Level(slog.LevelDebug)
	case "INFO":
		*l = Level(slog.LevelInfo)
	case "WARNING", "WARN":
		*l = Level(slog.LevelWarn)
	case "ERROR":
		*l = Level(slog.LevelError)
	default:
		return fmt.Errorf("one of DEBUG, INFO, WARNING, ERROR expected")
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) {
	names := map[Level]string{Level(slog.LevelDebug): "DEBUG", Level(slog.LevelInfo): "INFO", Level(slog.LevelWarn): "WARNING", Level(slog.LevelError): "ERROR"}
	return []byte(names[l]), nil
}

package validation

import (
	"strings"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// HealthCheck checks a task's health check.
func HealthCheck(h *mesospb.HealthCheck) error {
	if h.Type == nil {
		return refuse("health check has no type: set COMMAND, HTTP or TCP")
	}
	var err error
	switch h.GetType() {
	case mesospb.HealthCheck_COMMAND:
		err = checkCommand(h.Command)
	case mesospb.HealthCheck_HTTP:
		err = healthHTTP(h.Http)
	case mesospb.HealthCheck_TCP:
		if h.Tcp == nil {
			err = refuse("set tcp")
		}
	default:
		err = refuse("type %s: use COMMAND, HTTP or TCP", h.GetType())
	}
	return in(first(err,
		seconds("delay_seconds", h.GetDelaySeconds()),
		seconds("grace_period_seconds", h.GetGracePeriodSeconds()),
		seconds("interval_seconds", h.GetIntervalSeconds()),
		seconds("timeout_seconds", h.GetTimeoutSeconds()),
	), "health check")
}

func healthHTTP(h *mesospb.HealthCheck_HTTPCheckInfo) error {
	if h == nil {
		return refuse("set http")
	}
	if s := h.GetScheme(); h.Scheme != nil && s != "http" && s != "https" {
		return refuse("scheme %q: use http or https", s)
	}
	return checkPath(h.Path)
}

// Check checks a task's check.
func Check(c *mesospb.CheckInfo) error {
	if c.Type == nil {
		return refuse("check has no type: set COMMAND, HTTP or TCP")
	}
	var err error
	switch c.GetType() {
	case mesospb.CheckInfo_COMMAND:
		err = checkCommand(c.GetCommand().GetCommand())
	case mesospb.CheckInfo_HTTP:
		if c.Http == nil {
			err = refuse("set http")
		} else {
			err = checkPath(c.Http.Path)
		}
	case mesospb.CheckInfo_TCP:
		if c.Tcp == nil {
			err = refuse("set tcp")
		}
	default:
		err = refuse("type %s: use COMMAND, HTTP or TCP", c.GetType())
	}
	return in(first(err,
		seconds("delay_seconds", c.GetDelaySeconds()),
		seconds("interval_seconds", c.GetIntervalSeconds()),
		seconds("timeout_seconds", c.GetTimeoutSeconds()),
	), "check")
}

// CheckStatus checks what an executor reports of a check.
func CheckStatus(s *mesospb.CheckStatusInfo) error {
	if s.Type == nil {
		return refuse("check status has no type: set the check's")
	}
	var set bool
	switch s.GetType() {
	case mesospb.CheckInfo_COMMAND:
		set = s.Command != nil
	case mesospb.CheckInfo_HTTP:
		set = s.Http != nil
	case mesospb.CheckInfo_TCP:
		set = s.Tcp != nil
	default:
		return refuse("check status of type %s: use COMMAND, HTTP or TCP", s.GetType())
	}
	if !set {
		return refuse("check status of type %s: set the field of this name", s.GetType())
	}
	return nil
}

func checkCommand(c *mesospb.CommandInfo) error {
	switch {
	case c == nil:
		return refuse("set command")
	case c.Value == nil && c.GetShell():
		return refuse("its command has no value: set the shell command")
	case c.Value == nil:
		return refuse("its command has no value: set the path of the executable")
	}
	return Command(c)
}

func checkPath(path *string) error {
	if path != nil && !strings.HasPrefix(*path, "/") {
		return refuse("path %q does not start with /", *path)
	}
	return nil
}

// seconds refuses negative times and NaN.
func seconds(name string, s float64) error {
	if !(s >= 0) {
		return refuse("%s is %g: it cannot be less than 0", name, s)
	}
	return nil
}

// nanoseconds refuses negative times.
func nanoseconds(name string, d *mesospb.DurationInfo) error {
	if d.GetNanoseconds() < 0 {
		return refuse("%s is negative", name)
	}
	return nil
}

// KillPolicy checks how a task wants to be killed.
func KillPolicy(k *mesospb.KillPolicy) error {
	return nanoseconds("kill_policy.grace_period", k.GetGracePeriod())
}

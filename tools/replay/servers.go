package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// bringUp is the environment variable that makes this program bring up fresh servers and end: the folder in which
// they live.
const bringUp = "MESETA_REPLAY_RUN"

// acls are those of the recorded server "auth": guest may do none of these.
const acls = `{"permissive": true,
 "register_frameworks": [{"principals": {"values": ["guest"]}, "roles": {"type": "NONE"}}],
 "run_tasks": [{"principals": {"values": ["guest"]}, "users": {"type": "NONE"}}],
 "reserve_resources": [{"principals": {"values": ["guest"]}, "roles": {"type": "NONE"}}],
 "update_weights": [{"principals": {"values": ["guest"]}, "roles": {"type": "NONE"}}],
 "get_endpoints": [{"principals": {"values": ["guest"]}, "paths": {"type": "NONE"}}],
 "get_quotas": [{"principals": {"values": ["guest"]}, "roles": {"type": "NONE"}}],
 "update_quotas": [{"principals": {"values": ["guest"]}, "roles": {"type": "NONE"}}],
 "view_frameworks": [{"principals": {"values": ["guest"]}, "users": {"type": "NONE"}}],
 "view_tasks": [{"principals": {"values": ["guest"]}, "users": {"type": "NONE"}}],
 "view_executors": [{"principals": {"values": ["guest"]}, "users": {"type": "NONE"}}],
 "access_mesos_logs": [{"principals": {"values": ["guest"]}, "logs": {"type": "NONE"}}],
 "view_roles": [{"principals": {"values": ["guest"]}, "roles": {"type": "NONE"}}],
 "view_flags": [{"principals": {"values": ["guest"]}, "flags": {"type": "NONE"}}],
 "set_log_level": [{"principals": {"values": ["guest"]}, "level": {"type": "NONE"}}],
 "update_maintenance_schedules": [{"principals": {"values": ["guest"]}, "machines": {"type": "NONE"}}],
 "get_maintenance_schedules": [{"principals": {"values": ["guest"]}, "machines": {"type": "NONE"}}],
 "get_maintenance_statuses": [{"principals": {"values": ["guest"]}, "machines": {"type": "NONE"}}],
 "drain_agents": [{"principals": {"values": ["guest"]}, "agents": {"type": "NONE"}}],
 "mark_agents_gone": [{"principals": {"values": ["guest"]}, "agents": {"type": "NONE"}}],
 "teardown_frameworks": [{"principals": {"values": ["guest"]}, "framework_principals": {"type": "NONE"}}]}`

const credentials = `{"credentials": [{"principal": "ops", "secret": "s3cret"}, {"principal": "guest", "secret": "guest"}]}`

// server is one of the recorded servers: its name as the player needs it, where it is, and its flags.
type server struct {
	name, place string
	flags       func(run, dir string) []string
}

var servers = []server{
	{"master", "MASTER", masterFlags},
	{"agent", "AGENT", agentFlags("r1")},
	{"agent2", "AGENT2", agentFlags("r2")},
	{"auth", "AUTH", func(run, dir string) []string {
		return append(masterFlags(run, dir), "--credentials=file://"+filepath.Join(run, "credentials"), "--acls=file://"+filepath.Join(run, "acls"),
			"--authenticate_http_readonly", "--authenticate_http_readwrite", "--authenticate_http_frameworks", "--http_framework_authenticators=basic")
	}},
}

// host is where all servers of a recording are.
func host() string {
	h, _, _ := net.SplitHostPort(os.Getenv("MASTER"))
	return h
}

func masterFlags(_, dir string) []string {
	return []string{"master", "--work_dir=" + dir, "--hostname=" + host(), "--registry=in_memory", "--log_dir=" + filepath.Join(dir, "log"), "--no-hostname_lookup"}
}

// agentFlags are those of the recorded agents, where Meseta has what they set.
func agentFlags(rack string) func(string, string) []string {
	return func(_, dir string) []string {
		return []string{"agent", "--master=" + os.Getenv("MASTER"), "--work_dir=" + dir, "--hostname=" + host(), "--registration_backoff_factor=100ms",
			"--log_dir=" + filepath.Join(dir, "log"), "--runtime_dir=" + filepath.Join(dir, "run"), "--fetcher_cache_dir=" + filepath.Join(dir, "cache"),
			"--launcher_dir=" + filepath.Join(dir, "bin"), "--launcher=posix", "--isolation=posix/cpu,posix/mem", "--containerizers=mesos",
			"--image_provisioner_backend=copy", "--no-systemd_enable_support", "--no-hostname_lookup",
			"--resources=cpus:8;mem:4096;disk:8192;ports:[31000-31099]", "--attributes=rack:" + rack + ";level:3"}
	}
}

// restart ends what runs in the folder and brings up those that $NEED names, with nothing remembered.
func restart() error {
	run := os.Getenv(bringUp)
	takeDown(run)
	if err := errors.Join(os.RemoveAll(filepath.Join(run, "servers")), os.WriteFile(filepath.Join(run, "acls"), []byte(acls), 0o600),
		os.WriteFile(filepath.Join(run, "credentials"), []byte(credentials), 0o600)); err != nil {
		return err
	}
	need := strings.Fields(os.Getenv("NEED"))
	for _, s := range servers {
		for _, name := range need {
			if name != s.name {
				continue
			}
			if err := s.start(run); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

// start runs a server and waits until it listens. It outlives this program; its pid is its folder's note.
func (s server) start(run string) error {
	dir := filepath.Join(run, "servers", s.name)
	if err := os.MkdirAll(filepath.Join(dir, "log"), 0o755); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		return err
	}
	defer log.Close()
	host, port, err := net.SplitHostPort(os.Getenv(s.place))
	if err != nil {
		return err
	}
	c := exec.Command(os.Getenv("MESETA_BINARY"), append(s.flags(run, dir), "--ip="+host, "--port="+port)...)
	c.Stdout, c.Stderr, c.Dir = log, log, dir
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(strconv.Itoa(c.Process.Pid)), 0o600); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for deadline := time.After(20 * time.Second); ; {
		if s.up() {
			return nil
		}
		select {
		case <-ended:
			said, _ := os.ReadFile(log.Name()) // what it said is all there is
			return fmt.Errorf("it ended: %s", said)
		case <-deadline:
			return errors.New("it does not listen")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// up says whether the server answers, and for a master whether it leads: then it knows where to send people.
func (s server) up() bool {
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := stay.Get("http://" + os.Getenv(s.place) + "/redirect")
	if err != nil {
		return false
	}
	defer r.Body.Close()
	return r.StatusCode != http.StatusServiceUnavailable
}

// takeDown ends the servers of a folder, and every process that runs in one of their sandboxes.
func takeDown(run string) {
	notes, _ := filepath.Glob(filepath.Join(run, "servers/*/pid")) // the pattern is right
	for _, note := range notes {
		text, err := os.ReadFile(note)
		if err != nil {
			continue
		}
		if pid, err := strconv.Atoi(string(text)); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		_ = os.Remove(note)
	}
	// The tasks outlive their agents, as they should.
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range environments {
		env, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(env, []byte("="+run+"/")) || !bytes.Contains(env, []byte("MESETA_CONTAINER_ID=")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

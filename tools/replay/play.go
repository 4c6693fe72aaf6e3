package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync/atomic"
)

// job is one recording to be played.
type job struct {
	root, binary, recording string
	only                    string
	show                    int
	report                  string // also kept here, if not ""
	out                     io.Writer
}

// difference is one line of the player's report. Kind is "hard", or "soft" for wording, order and the like.
type difference struct {
	Kind, ID, Title, At string
	Step                int
	Want, Got           any
}

func (d difference) String() string {
	return fmt.Sprintf("%s step %d, %s: want %.200v, got %.200v", d.ID, d.Step, d.At, text(d.Want), text(d.Got))
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// hard are the differences that a program could notice.
func hard(all []difference) (some []difference) {
	for _, d := range all {
		if d.Kind == "hard" {
			some = append(some, d)
		}
	}
	return some
}

// build makes the program that is played against.
func build(ctx context.Context, root, dir string) (string, error) {
	f, err := os.CreateTemp(dir, "meseta-replay-")
	if err != nil {
		return "", err
	}
	_ = f.Close()
	c := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", f.Name(), "./cmd/meseta")
	c.Dir = root
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build meseta: %w\n%s", err, out)
	}
	return f.Name(), nil
}

// play plays one recording on servers of its own and returns what differs.
func play(ctx context.Context, j job) ([]difference, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, errors.New("python3 is not here: the recordings are played by tools/replay/replay.py, which needs nothing else")
	}
	run, err := os.MkdirTemp("", "replay-"+j.recording+"-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(run)
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	report := j.report
	if report == "" {
		report = filepath.Join(run, "report.jsonl")
	}
	args := []string{filepath.Join(j.root, "tools/replay/replay.py"), "--restart", "'" + self + "'", "--report", report, "--show", fmt.Sprint(j.show)}
	if j.only != "" {
		args = append(args, "--only", j.only)
	}
	c := exec.CommandContext(ctx, python, append(args, filepath.Join(j.root, "tools/replay/testdata", j.recording+".jsonl"))...)
	places, err := freePlaces()
	if err != nil {
		return nil, err
	}
	c.Env = append(os.Environ(), places...)
	c.Env = append(c.Env, bringUp+"="+run, "MESETA_BINARY="+j.binary)
	var said bytes.Buffer
	both := io.MultiWriter(&said, j.out) // one writer, so that one goroutine writes
	c.Stdout, c.Stderr = both, both
	defer takeDown(run)
	if err := c.Run(); err != nil {
		if _, differs := errors.AsType[*exec.ExitError](err); !differs || ctx.Err() != nil {
			return nil, err
		}
	}
	if !complete.Match(said.Bytes()) || unreached.Match(said.Bytes()) {
		return nil, fmt.Errorf("%s was not played to its end", j.recording)
	}
	return readReport(report)
}

// What the player prints after the last exchange, and when it could not even bring about what an exchange begins with.
var (
	complete  = regexp.MustCompile(`(?m)^all  `)
	unreached = regexp.MustCompile(`(?m)^  situation not reached`)
)

func readReport(name string) (all []difference, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the player left no report: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var d difference
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, lines.Err()
}

// loopbacks counts the addresses that were given away.
var loopbacks atomic.Uint32

// loopback is an address of this machine that no other recording has. Servers are restarted in the middle of one and must
// find their ports free, and any connection from 127.0.0.1 may have taken one meanwhile.
func loopback() string {
	pid, n := os.Getpid(), loopbacks.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 1+pid%250, pid/250%256, 1+n%250)
}

// freePlaces are addresses of loopback for the servers, as the player wants them.
func freePlaces() (env []string, err error) {
	host := loopback()
	for _, name := range []string{"MASTER", "AGENT", "AGENT2", "AUTH"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at once, so that no two are alike
		env = append(env, name+"="+l.Addr().String())
	}
	return env, nil
}

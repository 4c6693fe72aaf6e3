// Command chaos starts a whole cluster of real processes on this machine, runs real tasks on it, and hurts it for a
// while at random from a seed: it kills, stops and ends masters, agents, executors, frameworks and Consul servers, and
// cuts, slows and breaks the ways between them. Then it lets the cluster become calm and judges from outside, by what
// the frameworks wrote down and by the marks that tasks left, whether every promise was kept. It exits with 1 if one
// was not.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/actors/process"
)

func main() {
	if text := os.Getenv(childVariable); text != "" {
		os.Exit(child(text))
	}
	os.Exit(storm())
}

// child is one of the storm's own processes.
func child(text string) int {
	var c Child
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		switch c.Role {
		case "executor":
			return executor.Main(&custom{Child: c, tasks: map[string]process.Timer{}})
		case "web":
			err = runWeb(ctx, c)
		default:
			err = runNative(ctx, c)
		}
		if ctx.Err() != nil {
			return 0
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, c.Name+":", err)
		return 1
	}
	return 0
}

func storm() int {
	c := Config{Out: os.Stdout}
	flag.DurationVar(&c.Length, "time", 10*time.Minute, "how long the storm is")
	flag.Uint64Var(&c.Seed, "seed", rand.Uint64()%1_000_000, "what is done, to whom and when; random if not given")
	flag.IntVar(&c.Masters, "masters", 3, "how many masters; one needs no Consul")
	flag.IntVar(&c.Agents, "agents", 6, "how many agents")
	flag.IntVar(&c.Frameworks, "frameworks", 4, "how many frameworks; every fourth speaks plain HTTP")
	flag.IntVar(&c.AtOnce, "tasks", 8, "how many tasks each framework has at once")
	flag.StringVar(&c.Meseta, "meseta", "bin/meseta", "the program under test")
	flag.StringVar(&c.Dir, "dir", "", "where logs and work directories go; a temporary directory that is removed if all is well, if not given")
	keep := flag.Bool("keep", false, "keep the directory in any case")
	flag.Parse()
	if c.Masters > 1 {
		c.Consuls = 3
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	result, err := prepared(ctx, &c)
	switch {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "chaos: broken off")
		_ = os.RemoveAll(c.Dir)
		return 130
	case err != nil:
		fmt.Fprintf(os.Stderr, "chaos: %v; the logs are in %s\n", err, c.Dir)
		return 2
	}
	result.Print(os.Stdout, c)
	if result.IsBroken() {
		return 1
	}
	if !*keep {
		_ = os.RemoveAll(c.Dir)
	}
	return 0
}

// prepared runs a storm with what was not said filled in.
func prepared(ctx context.Context, c *Config) (*Result, error) {
	var err error
	if c.Meseta, err = filepath.Abs(c.Meseta); err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.Meseta); err != nil {
		return nil, fmt.Errorf("-meseta: %w; build it with `make build`", err)
	}
	if c.Self, err = os.Executable(); err != nil {
		return nil, err
	}
	if c.Dir == "" {
		c.Dir, err = os.MkdirTemp("", "meseta-chaos-")
	} else {
		c.Dir, err = filepath.Abs(c.Dir)
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(c.Out, "seed %d; logs in %s\n", c.Seed, c.Dir)
	return Run(ctx, *c)
}

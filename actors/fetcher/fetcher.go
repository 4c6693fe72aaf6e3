// Package fetcher says what an agent asks of whoever brings a container's files into its sandbox, and decides what can
// be decided without touching anything: what a URI means, what the files are called (plan.go), and what is kept in the
// cache (cache.go). Package courier is the real thing, with sockets and disks; the testkit has a simulated one.
package fetcher

import (
	"errors"
	"fmt"
	"time"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Request is what a container needs before it starts.
type Request struct {
	// ContainerID names the container in messages.
	ContainerID string
	// Sandbox is the absolute path of the directory that the files go to. It exists.
	Sandbox string
	// User is whom they are fetched as and belong to; "": the agent's own.
	User string
	URIs []*mesospb.CommandInfo_URI
}

// Fetcher brings files. It is used for many containers at once.
type Fetcher interface {
	// Fetch brings all files of a request, and tells when they are there or why not. done is called once, from any
	// goroutine, also after cancel, which makes it give up.
	Fetch(r Request, done func(error)) (cancel func())
}

// Config is what a fetcher can be told. Names and defaults of the flags are Mesos'.
type Config struct {
	// FrameworksHome is the directory that relative paths among the URIs are below. Empty: such paths are refused.
	FrameworksHome string `flag:"frameworks_home" unit:"path"`
	// FetcherCacheSize is how much the cache of fetched files may hold. What does not fit is fetched each time.
	FetcherCacheSize int64 `flag:"fetcher_cache_size" unit:"bytes"`
	// FetcherCacheDir is the directory of the cache. It is emptied when the agent starts.
	FetcherCacheDir string `flag:"fetcher_cache_dir" unit:"path"`
	// FetcherStallTimeout is how long a server may send nothing before the fetch fails. Zero: for ever.
	FetcherStallTimeout time.Duration `flag:"fetcher_stall_timeout"`
}

// Default is Mesos' answer.
func Default() Config {
	return Config{FetcherCacheSize: 2 << 30, FetcherCacheDir: "/tmp/mesos/fetch", FetcherStallTimeout: time.Minute}
}

// Validate reports every problem at once.
func (c Config) Validate() error {
	var errs []error
	if c.FetcherCacheSize < 0 {
		errs = append(errs, fmt.Errorf("--fetcher_cache_size=%dB: not negative; 0 keeps nothing", c.FetcherCacheSize))
	}
	if c.FetcherCacheDir == "" && c.FetcherCacheSize > 0 {
		errs = append(errs, errors.New("--fetcher_cache_dir: required, unless --fetcher_cache_size=0B"))
	}
	if c.FetcherStallTimeout < 0 {
		errs = append(errs, fmt.Errorf("--fetcher_stall_timeout=%v: a time to wait is not negative", c.FetcherStallTimeout))
	}
	return errors.Join(errs...)
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/meseta-io/meseta/tools/consuls"
)

// Config is what a storm can be told.
type Config struct {
	Shape
	Seed   uint64
	Length time.Duration
	Meseta string // the program under test
	Self   string // this program, for frameworks and executors
	Dir    string // where everything is
	AtOnce int    // tasks of each framework
	Out    io.Writer
}

// capacity is what an agent offers, in milli CPUs.
const capacity = 4000

// Ports: each process has an address of its own, so that it finds them free whenever it comes back.
const (
	realPort  = 5050
	knownPort = 5060
	// consulPort is where the proxies of Consul servers are.
	consulPort = 8500
)

// cluster is all processes and the ways between them.
type cluster struct {
	Config
	ways  *Ways
	net   string // the first three numbers of every address
	nodes map[string]*Node
	order []string
	// numbers say which address each has.
	numbers map[string]int
	consul  *consuls.Servers // nil without
	ask     *http.Client

	mu    sync.Mutex
	turns map[string]int // of an agent: how many machines it has had
}

// claim takes a range of loopback addresses that no other storm has, by listening on its last one.
func (k *cluster) claim() error {
	var err error
	for range 50 {
		k.net = fmt.Sprintf("127.%d.%d", 1+rand.IntN(250), rand.IntN(256))
		if err = k.ways.Listen(k.known(254), "nobody", k.real(254)); err == nil {
			return nil
		}
	}
	return err
}

// ip is the address of the n-th process.
func (k *cluster) ip(n int) string { return fmt.Sprintf("%s.%d", k.net, n) }

// The numbers of the first of each sort.
const (
	firstMaster    = 1
	firstAgent     = 11
	firstFramework = 41
	firstConsul    = 71
)

func (k *cluster) real(n int) string  { return fmt.Sprintf("%s:%d", k.ip(n), realPort) }
func (k *cluster) known(n int) string { return fmt.Sprintf("%s:%d", k.ip(n), knownPort) }

// newCluster makes the cluster, and starts nothing yet.
func newCluster(c Config, ended func(*Node, string)) (*cluster, error) {
	k := &cluster{Config: c, nodes: map[string]*Node{}, numbers: map[string]int{}, turns: map[string]int{}, ask: &http.Client{
		Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	k.ways = NewWays(k.who)
	if err := k.claim(); err != nil {
		return k, err
	}
	for _, sub := range []string{"logs", "journals", "marks"} {
		if err := os.MkdirAll(filepath.Join(c.Dir, sub), 0o755); err != nil {
			return k, err
		}
	}
	for i := range c.Masters {
		k.add(fmt.Sprint("master", 1+i), firstMaster+i, c.Meseta, nil, ended, k.masterFlags)
	}
	for i := range c.Agents {
		k.add(fmt.Sprint("agent", 1+i), firstAgent+i, c.Meseta, nil, ended, k.agentFlags)
	}
	for i := range c.Frameworks {
		k.add(fmt.Sprint("framework", 1+i), firstFramework+i, c.Self, []string{k.child(i).variable()}, ended, nil)
	}
	for _, name := range k.order {
		if err := k.ways.Listen(k.known(k.numbers[name]), name, k.real(k.numbers[name])); err != nil {
			return k, err
		}
	}
	return k, nil
}

func (k *cluster) add(name string, n int, program string, env []string, ended func(*Node, string), flags func(name string) []string) {
	k.nodes[name] = &Node{Name: name, Program: program, Env: env, Dir: k.Dir, LogFile: filepath.Join(k.Dir, "logs", name), Ended: ended, Arguments: func() []string {
		if flags == nil {
			return nil
		}
		return append(flags(name), "--ip="+k.ip(n), fmt.Sprint("--port=", realPort), "--advertise_ip="+k.ip(n), fmt.Sprint("--advertise_port=", knownPort))
	}}
	k.order, k.numbers[name] = append(k.order, name), n
}

// who names the process that a connection comes from.
func (k *cluster) who(client, proxy net.Addr) string {
	names := map[int]string{}
	var pids []int
	for name, n := range k.nodes {
		if pid := n.Pid(); pid != 0 {
			names[pid] = name
			pids = append(pids, pid)
		}
	}
	if name := names[owner(client, proxy, pids)]; name != "" {
		return name
	}
	return executorsName
}

func (k *cluster) masterFlags(name string) []string {
	flags := []string{"master", "--work_dir=" + filepath.Join(k.Dir, name), "--cluster=chaos",
		"--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=10", "--registry_store_timeout=20secs"}
	if k.consul != nil {
		flags = append(flags, "--election="+k.consulAddress())
	}
	return flags
}

func (k *cluster) agentFlags(name string) []string {
	master := strings.Join(k.masters(), ",")
	if k.consul != nil && k.numbers[name]%3 == 0 {
		master = k.consulAddress() // some agents ask Consul, as others ask masters
	}
	return []string{"agent", "--master=" + master, "--work_dir=" + k.workDir(name), "--hostname=" + name,
		"--registration_backoff_factor=200ms", "--executor_reregistration_timeout=15secs",
		fmt.Sprintf("--resources=cpus:%d;mem:4096;disk:4096;ports:[31000-32000]", capacity/1000)}
}

// workDir is where an agent keeps everything: a new place for each machine that the agent has had.
func (k *cluster) workDir(agent string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return filepath.Join(k.Dir, fmt.Sprintf("%s.%d", agent, k.turns[agent]))
}

// child is the i-th framework: every fourth speaks plain HTTP.
func (k *cluster) child(i int) Child {
	c := Child{Role: "framework", Name: fmt.Sprint("native", 1+i), Dir: k.Dir, Self: k.Self, AtOnce: k.AtOnce, Masters: k.masters(),
		Listen: k.real(firstFramework + i), Known: k.known(firstFramework + i), Seed: k.Seed + uint64(i)}
	if i%4 == 1 {
		c.Role, c.Name = "web", fmt.Sprint("web", 1+i)
	}
	return c
}

// masters are the addresses of all masters, as the others know them.
func (k *cluster) masters() (list []string) {
	for m := range k.Masters {
		list = append(list, k.known(firstMaster+m))
	}
	return list
}

// startConsul starts the Consul servers, each behind a proxy of its own.
func (k *cluster) startConsul() (err error) {
	if k.Consuls == 0 {
		return nil
	}
	if k.consul, err = consuls.Start(filepath.Join(k.Dir, "consul"), k.Consuls); err != nil {
		return err
	}
	for i, at := range k.consul.Addresses {
		if err := k.ways.Listen(fmt.Sprintf("%s:%d", k.ip(firstConsul+i), consulPort), fmt.Sprint("consul", 1+i), at); err != nil {
			return err
		}
	}
	return nil
}

// consulAddress is how masters are told of Consul.
func (k *cluster) consulAddress() string {
	var list []string
	for i := range k.Consuls {
		list = append(list, fmt.Sprintf("%s:%d", k.ip(firstConsul+i), consulPort))
	}
	return "consul://" + strings.Join(list, ",") + "/chaos"
}

// get asks a master at its real address, which no cut hides, and reads its answer.
func (k *cluster) get(ctx context.Context, master int, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+k.real(firstMaster+master)+path, nil)
	if err != nil {
		return err
	}
	return k.answer(req, into)
}

// post says an operator's call.
func (k *cluster) post(ctx context.Context, master int, call string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+k.real(firstMaster+master)+"/api/v1", bytes.NewReader([]byte(call)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return k.answer(req, nil)
}

func (k *cluster) answer(req *http.Request, into any) error {
	resp, err := k.ask.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
	case into == nil:
		return nil
	}
	return json.Unmarshal(body, into)
}

// leader is the master that says it leads; -1 if none does. All are asked at once, because a frozen one does not answer.
func (k *cluster) leader(ctx context.Context) int {
	leads := make(chan int, k.Masters)
	for i := range k.Masters {
		go func() {
			if !k.leads(ctx, i) {
				i = -1
			}
			leads <- i
		}()
	}
	for range k.Masters {
		if i := <-leads; i >= 0 {
			return i
		}
	}
	return -1
}

func (k *cluster) leads(ctx context.Context, master int) bool {
	var metrics map[string]float64
	if k.nodes[fmt.Sprint("master", 1+master)].Pid() == 0 || k.get(ctx, master, "/metrics/snapshot", &metrics) != nil {
		return false
	}
	return metrics["master/elected"] == 1
}

// member is an agent as a master lists it.
type member struct {
	ID       string `json:"id"`
	Hostname string `json:"hostname"`
	Active   bool   `json:"active"`
}

// members are the agents that the leader has.
func (k *cluster) members(ctx context.Context) (list []member) {
	leader := k.leader(ctx)
	if leader < 0 {
		return nil
	}
	var answer struct {
		Slaves []member `json:"slaves"`
	}
	if k.get(ctx, leader, "/slaves", &answer) != nil {
		return nil
	}
	return answer.Slaves
}

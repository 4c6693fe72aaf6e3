package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/fetcher/courier"
	"github.com/meseta-io/meseta/actors/gateway"
	agentdoor "github.com/meseta-io/meseta/actors/gateway/agent"
	"github.com/meseta-io/meseta/actors/gateway/files"
	doors "github.com/meseta-io/meseta/actors/gateway/node"
	"github.com/meseta-io/meseta/actors/gateway/press"
	"github.com/meseta-io/meseta/actors/gateway/realms"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
	"github.com/meseta-io/meseta/isolators/sample"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/tracing"
)

// parting is how long the goodbye of a node may take.
const parting = 5 * time.Second

// politeness is how long a client may take to read the rest of its answer then.
const politeness = 500 * time.Millisecond

// Service is a node at work: masters, agents or both in one runtime.
type Service struct {
	rt    *process.Runtime
	log   *Log
	ended chan error
	once  sync.Once
	close []func() error // in the order of opening
	lives *tracked       // the containers, if they are to end with the node

	config    Config
	transport *remote.Transport
	doors     *gateway.Gateway // nil before Open
	parts     gateway.Parts    // what the doors lead to, as far as it is there
	files     *files.Service
	reloads   []reload
	forgetful bool
	tracer    tracing.Tracer // nil: nobody listens
	realms    realms.Realms
}

// Config is what nodes of every kind can be told.
type Config struct {
	Listen
	TLS
	gateway.Config
}

// Default is a complete, safe answer for a node that listens on a port.
func Default(port uint16) Config {
	return Config{Listen: Listen{Port: port}, Config: gateway.Default()}
}

// New makes a node without anybody in it.
func New(c Config, log *Log) (*Service, error) {
	s := &Service{log: log, ended: make(chan error, 1), config: c}
	var err error
	if s.rt, s.transport, err = c.Listen.runtime(c.TLS, true, log.Logger, s.failed); err != nil {
		return nil, err
	}
	s.files = files.New()
	s.parts = gateway.Parts{Authenticator: s.realms.Authenticator, Runtime: s.rt, Files: s.files, Log: log.Logger, Logging: doors.NewLogging(log.Threshold, nil), Version: version()}
	s.parts.Loopback, s.parts.Names = net.ParseIP(c.IP).IsLoopback(), []string{c.AdvertiseIP}
	s.close = append(s.close, log.Close)
	s.OnReload("certificates", s.transport.Reload)
	return s, nil
}

// Open begins to answer HTTP requests, when everybody is there who answers them.
func (s *Service) Open() error {
	press.Spare()
	var err error
	if s.doors, err = gateway.New(s.config.Config, s.parts); err != nil {
		return err
	}
	go func() {
		if err := s.doors.Serve(s.transport.HTTP()); err != nil && !errors.Is(err, net.ErrClosed) {
			s.end(fmt.Errorf("HTTP cannot be served any more: %w", err))
		}
	}()
	return nil
}

// Addr is where the node is reached, host:port.
func (s *Service) Addr() string { return s.rt.Addr() }

// Ended has what ended the node, if it did by itself: nil for an end that was asked for by the cluster.
func (s *Service) Ended() <-chan error { return s.ended }

func (s *Service) end(err error) { s.once.Do(func() { s.ended <- err }) }

// failed ends the node: an actor that lost its invariants must not go on, and without it the others are of no use.
func (s *Service) failed(who process.UPID, why any, stack []byte) {
	if err, ok := why.(error); ok && !isBug(err) {
		s.end(err)
		return
	}
	s.end(fmt.Errorf("%s failed, which is a bug of meseta; please report it: %v\n%s", who.ID, why, stack))
}

// isBug tells a panic of Go's from a reason that an actor gave.
func isBug(err error) bool {
	type runtimeError interface{ RuntimeError() }
	_, ok := errors.AsType[interface {
		error
		runtimeError
	}](err)
	return ok
}

// Master adds a master, which is elected and keeps its registry as e says.
func (s *Service) Master(c master.Config, e Election, guard realms.Master) error {
	var parts master.Parts
	if err := s.guarded(c, guard, &parts); err != nil {
		return err
	}
	store, err := s.elected(e, c.WorkDir)
	if err != nil {
		return err
	}
	s.showLog("/master/log", parts.Authorizer)
	parts.Detector, parts.Registry, parts.Tracer = store, store, s.tracer
	if parts.Contender, err = s.publishing(store, e.ZK); err != nil {
		return err
	}
	m, err := master.Spawn(s.rt, c, parts)
	if err == nil {
		s.reloadRateLimits(c.RateLimits, m)
		s.parts.Master, s.parts.Delegate = &m, m.UPID().ID
		s.parts.Names = append(s.parts.Names, c.Hostname)
	}
	return err
}

// Forgetful makes masters that are added keep their registry in memory.
func (s *Service) Forgetful() { s.forgetful = true }

// Settings says how the node's settings are found out, for /flags.
func (s *Service) Settings(all func() map[string]string) { s.parts.Flags = all }

// LogFile is the file that has the node's log, or empty.
func (s *Service) LogFile() string { return s.log.File }

// showLog makes the node's log visible to those who may see it.
func (s *Service) showLog(virtual string, a authorization.Authorizer) {
	if s.log.File == "" {
		return
	}
	may := func(who authorization.Subject) bool {
		return a == nil || authorization.Approves(a, who, authorization.AccessMesosLog, authorization.Object{})
	}
	if err := s.files.Attach(s.log.File, virtual, may); err != nil {
		s.log.Warn("the log cannot be shown", "as", virtual, "error", err)
	}
}

// Agent adds an agent of the masters that an address names, as ParseMasters reads it.
func (s *Service) Agent(c agent.Config, address string, guard realms.Agent) error {
	var parts agent.Parts
	if err := s.guardedAgent(c, guard, &parts); err != nil {
		return err
	}
	masters, err := ParseMasters(address)
	if err != nil {
		return err
	}
	found, end, err := masters.Detector(s.rt, c.ID+"-detector", s.log.Logger)
	if err != nil {
		return err
	}
	s.close = append(s.close, end)
	credential, err := Credential(c.Credential, s.log.Logger)
	if err != nil {
		return err
	}
	disk, err := agent.OpenDisk(c.WorkDir)
	if err != nil {
		return fmt.Errorf("%w; name another directory with --work_dir", err)
	}
	machine, err := agent.ThisMachine(c.WorkDir)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program, which executors are: %w", err)
	}
	c.Executor, c.Logger = []string{self, "executor"}, []string{self, "logger"}
	c.History = sample.Interval
	c.IP = cmp.Or(s.config.IP, os.Getenv("LIBPROCESS_IP"))
	launcher, has, err := launcher(c, machine, s.log.Logger)
	if err != nil {
		return err
	}
	if s.lives != nil {
		s.lives.Launcher = launcher
		launcher = s.lives
	}
	parts.Isolators = has
	parts.Detector, parts.Launcher, parts.Disk, parts.Credential, parts.Machine, parts.Ended = found, launcher, disk, credential, machine, s.end
	s.showLog("/slave/log", parts.Authorizer)
	fetcher, err := courier.New(c.Fetcher, c.WorkDir, s.rt.Metrics(), s.log.Logger)
	if err != nil {
		return err
	}
	parts.Fetcher, parts.Files, parts.Tracer = fetcher, s.files, s.tracer
	if parts.Environment, err = s.config.TLS.environment(); err != nil {
		return err
	}
	a, err := agent.Spawn(s.rt, c, parts)
	if err == nil {
		s.parts.Agents = append(s.parts.Agents, agentdoor.Parts{Agent: a})
		s.parts.Delegate = cmp.Or(s.parts.Delegate, a.UPID().ID)
		s.parts.Names = append(s.parts.Names, c.Hostname)
	}
	return err
}

// Mortal makes every container of the node end with it. Call it before agents are added.
func (s *Service) Mortal() { s.lives = &tracked{live: map[string]containerizer.Process{}} }

// Leave has the node's agents end everything that they run, leave the cluster and end, and with them the node.
func (s *Service) Leave(why string) {
	for _, a := range s.parts.Agents {
		a.Agent.Leave(why)
	}
}

// Close ends the node: first its actors, then whatever of theirs is left.
func (s *Service) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), parting)
	defer cancel()
	err := s.rt.Shutdown(ctx) // which ends the streams
	if s.doors != nil {
		soon, cancel := context.WithTimeout(ctx, politeness)
		defer cancel()
		err = errors.Join(err, s.doors.Close(soon))
	}
	for i := len(s.close) - 1; i >= 0; i-- {
		err = errors.Join(err, s.close[i]())
	}
	if s.lives != nil {
		err = errors.Join(err, s.lives.destroyAll(ctx))
	}
	return err
}

// WorkDir is where a node keeps what must survive it, unless told otherwise: root's in /var/lib, everybody else's in
// their home.
func WorkDir(of string) string {
	if os.Geteuid() == 0 {
		return filepath.Join("/var/lib/meseta", of)
	}
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "meseta", of)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "" // Validate asks for one
	}
	return filepath.Join(home, ".local", "state", "meseta", of)
}

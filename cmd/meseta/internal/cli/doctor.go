package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/cluster/zookeeper"
	"github.com/meseta-io/meseta/cmd/meseta/internal/doctor"
	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
)

// doctorConfig is what `meseta doctor` can be told: what the masters and agents are told that it looks after.
type doctorConfig struct {
	reach
	output
	Election    string   `flag:"election" help:"what masters have as --election: consul://… has its servers examined"`
	ZK          string   `flag:"zk" help:"what masters have as --zk: its servers are examined"`
	WorkDirs    []string `flag:"work_dir" help:"the work directories of this machine; those that meseta would use, unless told otherwise"`
	IP          string   `flag:"ip" help:"the address that this machine's nodes listen on"`
	Ports       []string `flag:"port" help:"the ports that this machine's nodes listen on"`
	Hostname    string   `flag:"hostname" help:"the name that others know this machine by; its own, unless told otherwise"`
	AdvertiseIP string   `flag:"advertise_ip" help:"the address that others are told, where it differs from --ip"`
}

// The exit codes of doctor, which are those of monitoring plugins.
const (
	exitWarn    = 1
	exitFail    = 2
	exitUnknown = 3
)

func (a *app) doctor() *cobra.Command {
	config := doctorConfig{output: output{"table"}, Ports: []string{"5050", "5051"}}
	c := &cobra.Command{
		Use: "doctor [flags]", Short: "examine this machine and, with --master, a cluster, and say what to do", GroupID: "serve", Args: func(c *cobra.Command, args []string) error { return unknown(noArguments(c, args)) },
		Long: "Examines what masters and agents need, and says of each thing that is not well what to do about it: kernel, limits, name,\n" +
			"ports and disks of this machine; with --tls_cert the certificate; with --election and --zk the servers of Consul and\n" +
			"ZooKeeper; with --master the masters, their clocks and the agents. It takes the flags that masters and agents take, changes\n" +
			"nothing, and is done within seconds.\n\n" +
			"Exit codes, as monitoring knows them: 0 all is well, 1 there are warnings, 2 something fails, 3 the command line is wrong.",
		Example: "  meseta doctor\n" +
			"  meseta doctor --master=10.0.0.1:5050,10.0.0.2:5050,10.0.0.3:5050 --election=consul://127.0.0.1:8500/meseta -o json",
	}
	bind(c, &config, func([]string) error {
		asJSON, err := config.json()
		if err != nil {
			return err
		}
		checks, err := config.checks()
		if err != nil {
			return usageError(err)
		}
		report := doctor.Examine(a.ctx, checks)
		if err := a.showReport(report, asJSON); err != nil {
			return err
		}
		switch doctor.Worst(report) {
		case doctor.Fail:
			return &exit{code: exitFail}
		case doctor.Warn:
			return &exit{code: exitWarn}
		}
		return nil
	})
	work := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error { return unknown(work(c, args)) }
	return c
}

// unknown keeps a command line that is wrong apart from a cluster that is.
func unknown(err error) error {
	if e, ok := errors.AsType[*exit](err); ok && e.err != nil && e.code == exitUsage {
		return &exit{exitUnknown, e.err}
	}
	return err
}

// checks are those that the flags ask for.
func (d *doctorConfig) checks() ([]doctor.Check, error) {
	m := doctor.This()
	secured, err := d.TLS.Client()
	if err != nil {
		return nil, err
	}
	checks := []doctor.Check{m.Kernel(), m.Limits(), m.Name(d.Hostname)}
	for _, text := range d.Ports {
		port, err := portOf(text)
		if err != nil {
			return nil, err
		}
		checks = append(checks, m.Port(d.IP, port, secured))
	}
	dirs := d.WorkDirs
	if len(dirs) == 0 {
		dirs = []string{node.WorkDir("master"), node.WorkDir("agent")}
	}
	for _, dir := range dirs {
		checks = append(checks, m.Disk(dir))
	}
	if d.Cert != "" {
		checks = append(checks, m.Certificate(d.Cert, d.Key, d.CA, slices.DeleteFunc([]string{d.Hostname, orElse(d.AdvertiseIP, d.IP)}, func(s string) bool { return s == "" })))
	}
	for _, more := range []func(doctor.Machine, *tls.Config) ([]doctor.Check, error){d.services, d.cluster} {
		found, err := more(m, secured)
		if err != nil {
			return nil, err
		}
		checks = append(checks, found...)
	}
	return checks, nil
}

func portOf(text string) (uint16, error) {
	var port uint16
	if n, err := fmt.Sscanf(text, "%d", &port); err != nil || n != 1 || fmt.Sprint(port) != text || port == 0 {
		return 0, fmt.Errorf("--port=%s: numbers from 1 to 65535 expected, with commas between", text)
	}
	return port, nil
}

func (d *doctorConfig) services(m doctor.Machine, _ *tls.Config) (checks []doctor.Check, err error) {
	if consul.Is(d.Election) {
		c, err := consul.Parse(d.Election)
		if err != nil {
			return nil, fmt.Errorf("--election=%s: %w", d.Election, err)
		}
		secured, err := consulTLS(c)
		if err != nil {
			return nil, fmt.Errorf("--election=%s: %w", d.Election, err)
		}
		checks = append(checks, m.Consul(doctor.Consul{Servers: c.Servers, TTL: c.TTL, Secured: secured, Token: consulToken(c)})...)
	} else if d.Election != "" && d.Election != "standalone" {
		return nil, fmt.Errorf("--election=%s: standalone or consul://HOST:PORT/PREFIX expected", d.Election)
	}
	if d.ZK != "" {
		c, err := zookeeper.Parse(d.ZK)
		if err != nil {
			return nil, fmt.Errorf("--zk: %w", err)
		}
		checks = append(checks, m.ZooKeeper(c.Servers)...)
	}
	return checks, nil
}

// consulTLS is how Consul's servers are spoken to; nil without TLS.
func consulTLS(c consul.Config) (*tls.Config, error) {
	if !c.TLS {
		return nil, nil
	}
	t := &tls.Config{ServerName: c.ServerName, MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, err
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no authority", c.CAFile)
		}
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, err
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// consulToken is what masters show to Consul. A file that cannot be read shows none, and Consul says what it misses.
func consulToken(c consul.Config) string {
	for _, file := range []string{c.TokenFile, os.Getenv("CONSUL_HTTP_TOKEN_FILE")} {
		if token, err := os.ReadFile(file); file != "" && err == nil {
			return strings.TrimSpace(string(token))
		}
	}
	return os.Getenv("CONSUL_HTTP_TOKEN")
}

func (d *doctorConfig) cluster(m doctor.Machine, secured *tls.Config) ([]doctor.Check, error) {
	if d.Master == "" {
		return nil, nil
	}
	var masters []string
	for name := range strings.SplitSeq(d.Master, ",") {
		address, err := node.Resolve(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		masters = append(masters, address)
	}
	client, err := d.client()
	if err != nil {
		return nil, err
	}
	return doctor.Cluster{Masters: masters, Secured: secured, Ask: client.Master}.Checks(m), nil
}

var levelStyles = map[doctor.Level]screen.Style{doctor.OK: screen.Green, doctor.Warn: screen.Yellow, doctor.Fail: screen.Red}

func (a *app) showReport(report []doctor.Finding, asJSON bool) error {
	if asJSON {
		return a.printValue(struct {
			Worst    doctor.Level     `json:"worst"`
			Findings []doctor.Finding `json:"findings"`
		}{doctor.Worst(report), report})
	}
	width, count := 0, map[doctor.Level]int{}
	for _, f := range report {
		width = max(width, len(f.Check))
		count[f.Level]++
	}
	for _, f := range report {
		fmt.Fprintf(a.out, "%s%s %-*s  %s\n", a.out.Paint(levelStyles[f.Level], string(f.Level)), strings.Repeat(" ", 4-len(f.Level)), width, screen.Clean(f.Check), screen.Clean(f.Text))
		if f.Remedy != "" {
			fmt.Fprintf(a.out, "     %-*s  → %s\n", width, "", screen.Clean(f.Remedy))
		}
	}
	_, err := fmt.Fprintf(a.out, "%d ok, %d to look at, %d failing\n", count[doctor.OK], count[doctor.Warn], count[doctor.Fail])
	return err
}

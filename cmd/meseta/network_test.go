package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/network/netns"
)

// machineIP is the address of the machine in machine's network.
const machineIP = "10.99.0.1"

// machine is a network namespace that stands for a machine's, with one address that containers can reach, and the
// program as it runs there.
func machine(t *testing.T, dir string) (ns, program string) {
	t.Helper()
	ns = filepath.Join(dir, "machine")
	if _, err := netns.New(ns); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netns.Remove(ns) })
	if err := netns.Do(ns, func() error { return card("card0") }); err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, "meseta-there")
	if err := os.WriteFile(program, []byte(fmt.Sprintf("#!/bin/sh\nexec nsenter --net=%s %s \"$@\"\n", ns, binary)), 0o755); err != nil {
		t.Fatal(err)
	}
	return ns, program
}

// card makes a bridge without ports, which can have an address.
func card(name string) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	text, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(s), unix.SIOCBRADDBR, uintptr(unsafe.Pointer(text))); e != 0 {
		return fmt.Errorf("a bridge: %w", e)
	}
	r, err := unix.NewIfreq(name)
	if err := errors.Join(err, r.SetInet4Addr(net.ParseIP(machineIP).To4()), unix.IoctlIfreq(s, unix.SIOCSIFADDR, r)); err != nil {
		return err
	}
	return netns.Up(name)
}

// A task joins a network by name: its executor reaches the agent from there, its address is in its status, and nothing is
// left when it has ended.
func TestATaskInANetwork(t *testing.T) {
	exam.Skip(t, exam.Root, exam.Controller("memory"), exam.Program("nsenter"), exam.File("/usr/lib/cni/bridge"))
	c := &testCluster{t: t, dir: t.TempDir()}
	t.Cleanup(c.clean)
	ns, there := machine(t, c.dir)
	if err := errors.Join(os.Mkdir(c.dir+"/networks", 0o755),
		os.WriteFile(c.dir+"/networks/net.conflist", fmt.Appendf(nil, `{"cniVersion":"0.4.0","name":"net","plugins":[{"type":"bridge","bridge":"br-net","isGateway":true,
			"ipam":{"type":"host-local","dataDir":%q,"subnet":"10.88.9.0/24","routes":[{"dst":"0.0.0.0/0"}]}}]}`, c.dir+"/addresses"), 0o644),
		os.WriteFile(c.dir+"/task.json", []byte(`{"name":"net","task_id":{"value":"net"},"agent_id":{"value":""},
			"command":{"value":"cat /etc/hosts; echo \"I am $MESOS_CONTAINER_IP\"; while ! test -e go; do sleep 0.1; done"},
			"container":{"type":"MESOS","network_infos":[{"name":"net"}],"hostname":"web"},
			"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}},{"name":"mem","type":"SCALAR","scalar":{"value":32}}]}`), 0o644)); err != nil {
		t.Fatal(err)
	}
	c.master = startAs(t, there, c.dir, nil, "master", "--ip="+machineIP, "--port=0", "--work_dir=M")
	c.at = c.master.sees(c.master.out, `listening on (\S+),`)
	c.agent = startAs(t, there, c.dir, nil, "agent", "--master="+c.at, "--ip="+machineIP, "--port=0", "--work_dir=A", "--registration_backoff_factor=10ms",
		"--resources=cpus:1;mem:256;ports:[31000-31010]", "--launcher=linux", "--cgroups_root="+groups, "--isolation=filesystem/linux,cgroups/cpu,cgroups/mem,network/ports",
		"--network_cni_plugins_dir=/usr/lib/cni", "--network_cni_config_dir=networks")
	c.agentAt = c.agent.sees(c.agent.out, `listening on (\S+),`)
	run := startAs(t, there, c.dir, nil, "run", "--master="+c.at, "--file=task.json")
	ip := run.sees(run.out, `I am (10\.88\.9\.\d+)`)
	run.sees(run.out, ip+` web`)
	var list []struct {
		Status struct {
			Networks []struct {
				Name      string `json:"name"`
				Addresses []struct {
					IP string `json:"ip_address"`
				} `json:"ip_addresses"`
			} `json:"network_infos"`
		} `json:"status"`
		Statistics map[string]any `json:"statistics"`
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(_ context.Context, network, address string) (conn net.Conn, err error) {
		err = netns.Do(ns, func() error { conn, err = net.Dial(network, address); return err })
		return conn, err
	}}}
	await(t, "the agent tells of its network", func() bool {
		answer, err := client.Get("http://" + c.agentAt + "/containers")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return json.NewDecoder(answer.Body).Decode(&list) == nil && len(list) == 1 && list[0].Statistics["net_rx_packets"] != nil
	})
	if n := list[0].Status.Networks; len(n) != 1 || n[0].Name != "net" || len(n[0].Addresses) != 1 || n[0].Addresses[0].IP != ip {
		t.Errorf("its networks are %+v; it says that it is %s", n, ip)
	}
	sandbox, err := filepath.Glob(c.dir + "/A/slaves/*/frameworks/*/executors/*/runs/latest")
	if err != nil || len(sandbox) != 1 {
		t.Fatalf("found %q, %v", sandbox, err)
	}
	if err := os.WriteFile(filepath.Join(sandbox[0], "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	run.ends(0)
	await(t, "nothing is left", func() bool {
		left, _ := filepath.Glob(c.dir + "/A/run/isolators/network/cni/*")
		leases, _ := filepath.Glob(c.dir + "/addresses/net/10.*")
		return len(left)+len(leases) == 0
	})
}

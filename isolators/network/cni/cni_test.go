package cni

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// joins asks for networks by name.
func joins(names ...string) func(c *isolators.Container) {
	return func(c *isolators.Container) {
		for _, n := range names {
			c.Info.NetworkInfos = append(c.Info.NetworkInfos, &mesospb.NetworkInfo{Name: proto.String(n)})
		}
	}
}

func TestExam(t *testing.T) {
	w := newWorld(t)
	exam.Skip(t, exam.File(reference+"/bridge"), exam.Program("hostname"))
	w.bridge("blue", "10.88.1.0/24")
	w.bridge("red", "10.88.2.0/24")
	exam.Take(t, exam.Case{
		Builder: Builder,
		Settings: func(s *isolators.Settings) {
			s.Launcher, s.NetworkCNIPluginsDir, s.NetworkCNIConfigDir = "linux", w.settings.NetworkCNIPluginsDir, w.settings.NetworkCNIConfigDir
		},
		Container: joins("blue", "red"),
		Things:    w.things,
		Script:    `hostname >name; cat /etc/hosts >hosts; echo "$MESOS_CONTAINER_IP $LIBPROCESS_IP" >told; (echo >>/etc/hosts) 2>/dev/null; echo $? >wrote; exec sleep 600`,
		Running: func(t *testing.T, x *exam.Box) {
			name := x.Container.ID
			if got := strings.TrimSpace(x.File(t, "name")); got != name {
				t.Errorf("it is called %q; want %q", got, name)
			}
			told := strings.Fields(x.File(t, "told"))
			if len(told) != 2 || !strings.HasPrefix(told[0], "10.88.1.") || told[1] != "0.0.0.0" {
				t.Fatalf("its environment says %v", told)
			}
			if got := x.File(t, "hosts"); !strings.Contains(got, told[0]+" "+name+"\n") || !strings.Contains(got, "127.0.0.1 localhost\n") {
				t.Errorf("its hosts are %q", got)
			}
			if strings.TrimSpace(x.File(t, "wrote")) == "0" {
				t.Error("it can write to the machine's disk by way of /etc/hosts")
			}
			for _, iface := range []string{"lo:", "eth0:", "eth1:"} {
				if !strings.Contains(x.Proc(t, "net/dev"), iface) {
					t.Errorf("it has no %s\n%s", iface, x.Proc(t, "net/dev"))
				}
			}
		},
		Status: func(t *testing.T, x *exam.Box, s *mesospb.ContainerStatus) {
			if len(s.NetworkInfos) != 2 {
				t.Fatalf("its networks are %v", s.NetworkInfos)
			}
			for n, want := range []string{"blue 10.88.1.", "red 10.88.2."} {
				info := s.NetworkInfos[n]
				got := info.GetName() + " " + info.GetIpAddresses()[0].GetIpAddress()
				if len(info.IpAddresses) != 1 || !strings.HasPrefix(got, want) || info.IpAddresses[0].GetProtocol() != mesospb.NetworkInfo_IPv4 {
					t.Errorf("network %d is %v", n, info)
				}
			}
		},
		Usage: func(t *testing.T, x *exam.Box, s *mesospb.ResourceStatistics) {
			if s.NetRxPackets == nil || s.NetRxBytes == nil || s.NetRxErrors == nil || s.NetRxDropped == nil ||
				s.NetTxPackets == nil || s.NetTxBytes == nil || s.NetTxErrors == nil || s.NetTxDropped == nil {
				t.Errorf("its statistics are %v", s)
			}
		},
		NestedRunning: func(t *testing.T, x *exam.Box) {
			if inner, outer := namespace(t, x.PID()), namespace(t, x.Container.Parent.PID); inner != outer {
				t.Errorf("it is in %s, and its parent in %s", inner, outer)
			}
			if got := strings.TrimSpace(x.File(t, "name")); got != x.Container.Parent.ID {
				t.Errorf("it is called %q", got)
			}
			var s, above mesospb.ContainerStatus
			if err := x.Isolator.Status(t.Context(), x.Container, &s); err != nil || len(s.NetworkInfos) != 2 {
				t.Errorf("its networks are %v, %v", s.NetworkInfos, err)
			}
			_ = x.Isolator.Status(t.Context(), x.Container.Parent, &above)
			if !proto.Equal(&s, &above) {
				t.Errorf("its addresses are %v, its parent's %v", &s, &above)
			}
		},
		Refused: map[string]func(c *isolators.Container){
			"a network that nobody described": joins("green"),
			"a network twice":                 joins("blue"), // which everybody in this exam joins
			"a name of two lines":             func(c *isolators.Container) { c.Info.Hostname = proto.String("a\n10.0.0.1 bank") },
			"a container of Docker's":         func(c *isolators.Container) { c.Info.Type = mesospb.ContainerInfo_DOCKER.Enum() },
			"somebody else's port":            func(c *isolators.Container) { c.Info.NetworkInfos[0].PortMappings = portMapping(22, 22) },
		},
		Borne: map[string]func(c *isolators.Container){
			"a name that leads out": joins("../../../etc"),
			"thousands of networks": func(c *isolators.Container) {
				for n := range 5000 {
					joins(fmt.Sprint("n", n))(c)
				}
			},
		},
	})
}

func namespace(t *testing.T, pid int) string {
	t.Helper()
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func portMapping(host, container uint32) []*mesospb.NetworkInfo_PortMapping {
	return []*mesospb.NetworkInfo_PortMapping{{HostPort: &host, ContainerPort: &container, Protocol: proto.String("TCP")}}
}

// A nested container may ask for networks of its own, or for another name in those of its parent.
func TestNestedWithItsOwn(t *testing.T) {
	w := newWorld(t)
	exam.Skip(t, exam.File(reference+"/bridge"), exam.Program("hostname"))
	w.bridge("blue", "10.88.1.0/24")
	w.bridge("red", "10.88.2.0/24")
	i := w.agent()
	outer := w.run(i, w.container("outer", nil, joins("blue")))
	inner := w.run(i, w.container("outer.inner", outer, joins("red")))
	named := w.run(i, w.container("outer.named", outer, func(c *isolators.Container) { c.Info.Hostname = proto.String("web") }))
	if namespace(t, inner.PID) == namespace(t, outer.PID) || namespace(t, named.PID) != namespace(t, outer.PID) {
		t.Error("inner has a network of its own, named its parent's")
	}
	if got := w.addresses(i, inner); !strings.HasPrefix(got, "red 10.88.2.") {
		t.Errorf("inner has %s", got)
	}
	if got, want := w.read("run/containers/outer.named/hosts-seen"), w.addresses(i, outer); !strings.Contains(got, strings.Fields(want)[1]+" web\n") {
		t.Errorf("named sees %q; its parent has %s", got, want)
	}
}

// TestPortMapping connects to the machine's port, with the reference plugin and with the description of Mesos' own.
func TestPortMapping(t *testing.T) {
	for _, kind := range []string{"portmap", portMapper} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			exam.Skip(t, exam.File(reference+"/portmap"), exam.Program("iptables"), exam.Program("hostname"))
			ports := map[string]any{"type": "portmap", "capabilities": map[string]any{"portMappings": true}, "snat": true}
			w.bridge("ports", "10.88.3.0/24", ports)
			if kind == portMapper {
				w.file("config/ports.conflist", fmt.Sprintf(`{"name":"ports","type":"mesos-cni-port-mapper","excludeDevices":["br-other"],"chain":"MESOS-TEST-PORT-MAPPER",
					"delegate":{"type":"bridge","bridge":"br-ports","isGateway":true,"ipMasq":true,
					"ipam":{"type":"host-local","dataDir":%q,"subnet":"10.88.3.0/24","routes":[{"dst":"0.0.0.0/0"}]}}}`, filepath.Join(w.dir, "ipam")), 0o644)
			}
			i := w.agent()
			c := w.run(i, w.container("server", nil, joins("ports"), func(c *isolators.Container) {
				c.Resources = append(c.Resources, &mesospb.Resource{Name: proto.String("ports"), Type: mesospb.Value_RANGES.Enum(),
					Ranges: &mesospb.Value_Ranges{Range: []*mesospb.Value_Range{{Begin: proto.Uint64(31000), End: proto.Uint64(31010)}}}})
				c.Info.NetworkInfos[0].PortMappings = portMapping(31001, 8080)
			}))
			l := w.listen(c, ":8080")
			defer l.Close()
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					io.WriteString(conn, "hello from inside")
					conn.Close()
				}
			}()
			conn, err := net.Dial("tcp", "10.88.3.1:31001")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if b, err := io.ReadAll(conn); err != nil || string(b) != "hello from inside" {
				t.Errorf("%q, %v", b, err)
			}
			w.end(i, c)
			if conn, err := net.Dial("tcp", "10.88.3.1:31001"); err == nil {
				conn.Close()
				t.Error("the port is mapped after the container has ended")
			}
		})
	}
}

package agent

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

func TestDefaultNeedsOnlyAWorkDir(t *testing.T) {
	c := Default()
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "--work_dir") {
		t.Errorf("without work_dir: %v", err)
	}
	c.WorkDir = "w"
	if err := c.Validate(); err != nil {
		t.Errorf("with work_dir: %v", err)
	}
}

func TestValidateReportsEverythingAtOnce(t *testing.T) {
	c := Default()
	c.Resources = "cpus"
	c.Attributes = "rack"
	c.ExecutorReregistrationTimeout = 16 * time.Second
	c.ExecutorShutdownGracePeriod = -1
	c.Recover = "maybe"
	c.ReconfigurationPolicy = "any"
	c.AuthenticationTimeoutMin, c.AuthenticationTimeoutMax = 2*time.Minute, time.Minute
	c.AuthenticationBackoffFactor = -1
	c.MaxCompletedExecutorsPerFramework = -1
	c.ExecutorEnvironmentVariables = "{"
	err := c.Validate()
	for _, flag := range []string{"work_dir", "resources", "attributes", "executor_reregistration_timeout", "executor_shutdown_grace_period",
		"recover", "authentication_timeout_min", "authentication_backoff_factor", "reconfiguration_policy", "max_completed_executors_per_framework", "executor_environment_variables"} {
		if err == nil || !strings.Contains(err.Error(), "--"+flag) {
			t.Errorf("nothing about --%s: %v", flag, err)
		}
	}
}

// Mesos' rules for what is left to the system.
func TestDetectedResources(t *testing.T) {
	for _, c := range []struct {
		name, named, want string
		m                 Machine
	}{
		{"a large machine", "", "cpus:8; mem:15360; disk:97280; ports:[31000-32000]",
			Machine{CPUs: 8, Memory: 16 * gb, Disk: 100 * gb}},
		{"a small machine", "", "cpus:1; mem:512; disk:2048; ports:[31000-32000]",
			Machine{CPUs: 1, Memory: gb, Disk: 4 * gb}},
		{"what is named is not detected", "cpus:2;ports:[80-80]", "cpus:2; ports:[80-80]; mem:15360; disk:97280",
			Machine{CPUs: 8, Memory: 16 * gb, Disk: 100 * gb}},
		{"a machine that nobody looked at", "cpus:4;mem:64", "cpus:4; mem:64", Machine{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := Default()
			config.Resources = c.named
			info, err := describe(config, c.m, 5051)
			if err != nil {
				t.Fatal(err)
			}
			want, err := resources.Parse(c.want)
			if err != nil {
				t.Fatal(err)
			}
			if got := resources.FromValid(info.Resources); !got.Equal(want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestAttributes(t *testing.T) {
	got, err := parseAttributes("rack:abc;zone:west;level:[10-20];weight:1.5")
	if err != nil || len(got) != 4 {
		t.Fatalf("%v, %v", got, err)
	}
	if got[0].GetText().GetValue() != "abc" || got[2].GetRanges().GetRange()[0].GetEnd() != 20 || got[3].GetScalar().GetValue() != 1.5 {
		t.Errorf("%v", got)
	}
	for _, bad := range []string{"rack", ":x", "a:{b,c}", "a:"} {
		if _, err := parseAttributes(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestReconfigurationPolicy(t *testing.T) {
	info := func(resources, attributes string) *mesospb.AgentInfo {
		c := Default()
		c.Resources, c.Attributes = resources, attributes
		i, err := describe(c, Machine{Hostname: "h"}, 5051)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	before := info("cpus:4;mem:1024", "rack:a")
	other := proto.CloneOf(before)
	other.Hostname = proto.String("elsewhere")
	moved := proto.CloneOf(before)
	moved.Port = proto.Int32(1)
	placed := proto.CloneOf(before)
	placed.Domain = &mesospb.DomainInfo{}
	if err := compatible(policyAdditive, placed, before); err == nil {
		t.Error("a domain vanishes under the same id")
	}
	for _, c := range []struct {
		name            string
		now             *mesospb.AgentInfo
		equal, additive bool
	}{
		{"a domain", placed, false, true},
		{"the same", info("cpus:4;mem:1024", "rack:a"), true, true},
		{"more resources", info("cpus:8;mem:1024", "rack:a"), false, true},
		{"less resources", info("cpus:2;mem:1024", "rack:a"), false, false},
		{"another resource", info("cpus:4;mem:1024;gpus:1", "rack:a"), false, true},
		{"more attributes", info("cpus:4;mem:1024", "rack:a;zone:b"), false, true},
		{"another value of an attribute", info("cpus:4;mem:1024", "rack:b"), false, false},
		{"an attribute less", info("cpus:4;mem:1024", ""), false, false},
		{"another host", other, false, false},
		{"another port", moved, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := compatible(policyEqual, before, c.now); (err == nil) != c.equal {
				t.Errorf("equal: %v", err)
			}
			if err := compatible(policyAdditive, before, c.now); (err == nil) != c.additive {
				t.Errorf("additive: %v", err)
			}
		})
	}
}

func TestExecutorsGetOnlyWhatTheyAreGiven(t *testing.T) {
	c := Default()
	env, err := c.environment()
	if err != nil || strings.Join(env, " ") != "PATH="+defaultPath {
		t.Errorf("%v, %v", env, err)
	}
	c.ExecutorEnvironmentVariables = `{"B":"2","A":"1"}`
	if env, err = c.environment(); err != nil || strings.Join(env, " ") != "A=1 B=2" {
		t.Errorf("%v, %v", env, err)
	}
}

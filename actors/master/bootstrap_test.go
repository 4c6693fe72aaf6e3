package master_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

// Weights of the flag are those that a cluster begins with; afterwards the registry has the word.
func TestBootstrapWeights(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.Weights = "dev=2.5,ops=3" })
	equal(t, "at first", s.weights(), "dev:2.5 ops:3")
	s.failover()
	equal(t, "after a failover", s.weights(), "dev:2.5 ops:3")
	s.done(t, weigh("dev", 7.0))
	s.config.Weights = "dev=1,new=4"
	s.failover()
	equal(t, "after an operator and another flag", s.weights(), "dev:7 ops:3")
}

func TestWeightsOfTheFlagAreChecked(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"dev", `"dev" is not role=weight`}, {"dev=0", "weight of dev"}, {"dev=NaN", "weight of dev"}, {"dev=-1", "weight of dev"},
		{"dev=1e13", "weight of dev"}, {"dev=1,dev=2", "two weights"}, {"/dev=1", "/dev"}, {"dev=1=2", "weight of dev"},
	} {
		config := master.Default()
		config.Weights = c.text
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), "--weights: ") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
	config := master.Default()
	config.Weights = "a=1,b/c=0.5,"
	if err := config.Validate(); err != nil {
		t.Error(err)
	}
}

func domain(region, zone string) *mesospb.DomainInfo {
	return &mesospb.DomainInfo{FaultDomain: &mesospb.DomainInfo_FaultDomain{
		Region: &mesospb.DomainInfo_FaultDomain_RegionInfo{Name: proto.String(region)},
		Zone:   &mesospb.DomainInfo_FaultDomain_ZoneInfo{Name: proto.String(zone)}}}
}

// Who says where it is needs a master that does too, and some masters want to know it of everybody.
func TestDomainsOfAgents(t *testing.T) {
	for _, c := range []struct {
		name          string
		master, agent *mesospb.DomainInfo
		required      bool
		refused       string // empty: admitted
	}{
		{"nobody says", nil, nil, false, ""},
		{"both do", domain("eu", "a"), domain("us", "b"), true, ""},
		{"the master alone", domain("eu", "a"), nil, false, ""},
		{"the agent alone", nil, domain("eu", "a"), false, "the master has none"},
		{"the agent does not, and has to", domain("eu", "a"), nil, true, "requires one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, func(config *master.Config) { config.Domain, config.RequireAgentDomain = c.master, c.required })
			a := s.stranger("a1", "cpus:4;mem:4096")
			a.info.Domain = c.agent
			if c.refused == "" {
				a.register()
				return
			}
			a.Send(s.master(), &controlpb.RegisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Capabilities: agentCapabilities})
			m := a.Expect(testkit.Of[*controlpb.Refused]())[0].Msg.(*controlpb.Refused)
			refusedWith(t, m, controlpb.Refused_INVALID, c.refused)
			// Neither is one that another master has admitted.
			a.info.Id = aid("S1")
			a.Send(s.master(), a.report())
			m = a.Expect(testkit.Of[*controlpb.Refused]())[0].Msg.(*controlpb.Refused)
			refusedWith(t, m, controlpb.Refused_INVALID, c.refused)
		})
	}
	config := master.Default()
	config.RequireAgentDomain = true
	if err := config.Validate(); err == nil || !strings.Contains(err.Error(), "--require_agent_domain") {
		t.Errorf("a master that nobody may join starts: %v", err)
	}
}

// What is offered follows the list of hosts.
func TestWhitelistOfHosts(t *testing.T) {
	s := newStage(t, nil)
	s.client.Whitelist([]string{"a2"})
	s.agent("a1", "cpus:4;mem:4096")
	s.agent("a2", "cpus:4;mem:4096")
	f := s.framework("f1", multi("dev"))
	equal(t, "offered", f.offer().GetHostname(), "a2")
	s.client.Whitelist(nil)
	s.Advance(2 * time.Second)
	equal(t, "and then", f.offer().GetHostname(), "a1")
}

// Frameworks are counted where nobody sees it, if that is wanted.
func TestMetricsOfFrameworksAreNotPublished(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.PublishPerFrameworkMetrics = false })
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", multi("dev"))
	o := f.offer()
	f.launch(o, command("t1", o, "cpus:1;mem:64"))
	a.run("t1")
	s.Advance(2 * time.Second)
	for name := range s.figures() {
		if strings.HasPrefix(name, "master/frameworks/") {
			t.Errorf("%s is shown", name)
		}
	}
}

package launch

// The test's binary initialises what an agent's does, so that what a launch skips and what it costs is what an agent's would.
import (
	_ "github.com/meseta-io/meseta/actors/agent"
	_ "github.com/meseta-io/meseta/actors/gateway/agent"
	_ "github.com/meseta-io/meseta/actors/gateway/operator"
	_ "github.com/meseta-io/meseta/actors/master"
	_ "github.com/meseta-io/meseta/actors/process/remote"
	_ "github.com/meseta-io/meseta/cluster/consul"
)

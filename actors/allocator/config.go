package allocator

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/allocator/drf"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Config holds the allocator's flags.
type Config struct {
	// AllocationInterval is how long to wait between periodic allocation runs. No filter of a framework lives shorter.
	AllocationInterval time.Duration `flag:"allocation_interval"`

	// MinAllocatableResources are amounts, separated by '|', of which an offer must contain at least one, unless the framework
	// says otherwise. Smaller rests are kept until more comes back. Empty: everything is offered.
	MinAllocatableResources string `flag:"min_allocatable_resources"`

	// FairSharingExcludedResourceNames are scalars that do not count when shares are compared, because few agents have them.
	FairSharingExcludedResourceNames []string `flag:"fair_sharing_excluded_resource_names"`

	// FilterGPUResources keeps agents with GPUs for frameworks that have the GPU_RESOURCES capability, so that others do
	// not fill them up.
	FilterGPUResources bool `flag:"filter_gpu_resources"`

	// Domain is where the master is, as JSON: {"fault_domain": {"region": {"name": …}, "zone": {"name": …}}}. Agents in another
	// region are offered only to frameworks that are REGION_AWARE.
	Domain *mesospb.DomainInfo `flag:"domain"`
}

// Default is Mesos' default.
func Default() Config {
	return Config{
		AllocationInterval:      time.Second,
		MinAllocatableResources: "cpus:0.01|mem:32",
		FilterGPUResources:      true,
	}
}

// Validate reports every problem at once.
func (c Config) Validate() error {
	var problems []error
	if c.AllocationInterval <= 0 {
		problems = append(problems, fmt.Errorf("--allocation_interval=%v: must be positive: %w", c.AllocationInterval, fault.ErrInvalid))
	}
	if _, err := c.minima(); err != nil {
		problems = append(problems, fmt.Errorf("--min_allocatable_resources=%s: %w", c.MinAllocatableResources, err))
	}
	return errors.Join(problems...)
}

func (c Config) minima() ([]drf.Min, error) {
	if c.MinAllocatableResources == "" {
		return nil, nil
	}
	var out []drf.Min
	for _, text := range strings.Split(c.MinAllocatableResources, "|") {
		q, err := resources.ParseQuantities(text)
		if err != nil {
			return nil, err
		}
		out = append(out, minOf(q))
	}
	return out, nil
}

func minOf(q resources.Quantities) drf.Min {
	m := drf.Min{}
	for name, amount := range q.All() {
		m[name] = int64(amount)
	}
	return m
}

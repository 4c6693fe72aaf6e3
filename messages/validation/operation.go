package validation

import (
	"github.com/meseta-io/meseta/messages/capabilities"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Asker is who asks for an operation on an agent's resources, and what is known of the agent.
type Asker struct {
	// Principal is whom the asker authenticated as, "" for nobody.
	Principal string
	// Framework asks for it with an offer; nil when an operator asks.
	Framework *mesospb.FrameworkInfo
	// Capabilities are the agent's.
	Capabilities []*mesospb.AgentInfo_Capability
	// Checkpointed are the agent's volumes and dynamic reservations.
	Checkpointed resources.Resources
	// Used is what the frameworks have in use on the agent, each on its own.
	Used []resources.Resources
}

func (a Asker) can(c mesospb.AgentInfo_Capability_Type) bool {
	return capabilities.OfAgent(a.Capabilities).Has(c)
}

// Operation checks an operation on resources, which must be in the refined format. Launches are checked by Task and
// TaskGroup. Whether the asker may do it is for the authorizer to say, and whether the resources are there for
// resources.Apply.
func Operation(op *mesospb.Offer_Operation, by Asker) error {
	var err error
	switch op.GetType() {
	case mesospb.Offer_Operation_RESERVE:
		err = reserve(op.GetReserve(), by)
	case mesospb.Offer_Operation_UNRESERVE:
		err = unreserve(op.GetUnreserve())
	case mesospb.Offer_Operation_CREATE:
		err = create(op.GetCreate(), by)
	case mesospb.Offer_Operation_DESTROY:
		err = destroy(op.GetDestroy(), by)
	case mesospb.Offer_Operation_GROW_VOLUME:
		err = grow(op.GetGrowVolume(), by)
	case mesospb.Offer_Operation_SHRINK_VOLUME:
		err = shrink(op.GetShrinkVolume(), by)
	case mesospb.Offer_Operation_CREATE_DISK:
		err = createDisk(op.GetCreateDisk())
	case mesospb.Offer_Operation_DESTROY_DISK:
		err = destroyDisk(op.GetDestroyDisk())
	default:
		err = refuse("it does nothing to resources")
	}
	return in(err, "operation %s", op.GetType())
}

// operands reads the resources of one operation.
func operands(messages []*mesospb.Resource) (resources.Resources, error) {
	r, err := Resources(messages)
	return r, first(err, oneProvider(r))
}

package validation

import (
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// provided reads a disk of a resource provider.
func provided(m *mesospb.Resource) (resources.Resource, error) {
	r, err := Resources([]*mesospb.Resource{m})
	if err != nil {
		return resources.Resource{}, err
	}
	for x := range r.All() {
		if _, ok := x.ProviderID(); !ok {
			return x, refuse("source %s is not a resource provider's", x)
		}
		return x, nil
	}
	return resources.Resource{}, refuse("source is nothing")
}

func createDisk(op *mesospb.Offer_Operation_CreateDisk) error {
	x, err := provided(op.GetSource())
	if err != nil {
		return err
	}
	source := x.Disk().GetSource()
	hasProfile := source != nil && source.Profile != nil
	switch target := op.GetTargetType(); {
	case !x.IsDisk(mesospb.Resource_DiskInfo_Source_RAW):
		return refuse("source %s is no RAW disk", x)
	case target != mesospb.Resource_DiskInfo_Source_MOUNT && target != mesospb.Resource_DiskInfo_Source_BLOCK:
		return refuse("target_type %s: use MOUNT or BLOCK", target)
	case hasProfile && op.TargetProfile != nil:
		return refuse("source has a profile already: leave target_profile out")
	case !hasProfile && op.TargetProfile == nil:
		return refuse("source has no profile: set target_profile")
	}
	return nil
}

func destroyDisk(op *mesospb.Offer_Operation_DestroyDisk) error {
	x, err := provided(op.GetSource())
	if err != nil {
		return err
	}
	switch source := x.Disk().GetSource(); {
	case source == nil || source.GetType() == mesospb.Resource_DiskInfo_Source_PATH:
		return refuse("source %s is no MOUNT, BLOCK or RAW disk", x)
	case source.Id == nil:
		return refuse("source %s is backed by no volume: it has no id", x)
	case x.IsPersistentVolume():
		return refuse("source %s holds a persistent volume: destroy that first", x)
	}
	return nil
}

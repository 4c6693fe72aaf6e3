package validation_test

import (
	"math"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
	"google.golang.org/protobuf/proto"
)

// An edit adds what no text can say.
type edit func(*mesospb.Resource)

func one(t *testing.T, text string, edits ...edit) *mesospb.Resource {
	t.Helper()
	all, err := resources.Messages(text, "*")
	if err != nil || len(all) != 1 {
		t.Fatalf("%q: %v", text, err)
	}
	for _, e := range edits {
		e(all[0])
	}
	return all[0]
}

func many(rs ...*mesospb.Resource) []*mesospb.Resource { return rs }

func held(t *testing.T, rs ...*mesospb.Resource) resources.Resources {
	t.Helper()
	r, err := resources.FromProto(rs)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func reservedBy(principal string, roles ...string) edit {
	return func(m *mesospb.Resource) {
		for _, role := range roles {
			r := &mesospb.Resource_ReservationInfo{Type: mesospb.Resource_ReservationInfo_DYNAMIC.Enum(), Role: &role}
			if principal != "" {
				r.Principal = &principal
			}
			m.Reservations = append(m.Reservations, r)
		}
	}
}

func allocatedTo(role string) edit {
	return func(m *mesospb.Resource) { m.AllocationInfo = &mesospb.Resource_AllocationInfo{Role: &role} }
}

func from(provider string) edit {
	return func(m *mesospb.Resource) { m.ProviderId = &mesospb.ResourceProviderID{Value: &provider} }
}

func disk(m *mesospb.Resource) *mesospb.Resource_DiskInfo {
	if m.Disk == nil {
		m.Disk = &mesospb.Resource_DiskInfo{}
	}
	return m.Disk
}

func volume(id string) edit {
	return func(m *mesospb.Resource) {
		disk(m).Persistence = &mesospb.Resource_DiskInfo_Persistence{Id: &id}
		disk(m).Volume = &mesospb.Volume{ContainerPath: proto.String("path"), Mode: mesospb.Volume_RW.Enum()}
	}
}

func of(principal string) edit {
	return func(m *mesospb.Resource) { m.Disk.Persistence.Principal = &principal }
}

func sharedVolume(m *mesospb.Resource) { m.Shared = &mesospb.Resource_SharedInfo{} }

func loose(m *mesospb.Resource) { m.Revocable = &mesospb.Resource_RevocableInfo{} }

func on(kind mesospb.Resource_DiskInfo_Source_Type, id, profile string) edit {
	return func(m *mesospb.Resource) {
		s := &mesospb.Resource_DiskInfo_Source{Type: &kind}
		if id != "" {
			s.Id = &id
		}
		if profile != "" {
			s.Profile = &profile
		}
		disk(m).Source = s
	}
}

func TestResources(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		m            *mesospb.Resource
	}{
		{"reserved statically", "", one(t, "cpus(role):8")},
		{"reserved dynamically", "", one(t, "cpus:8", reservedBy("p", "role"))},
		{"reserved though revocable", "cannot be reserved", one(t, "cpus:8", reservedBy("p", "role"), loose)},
		{"a persistent volume", "", one(t, "disk(role1):128", volume("id1"))},
		{"a persistent volume of nobody", "not reserved", one(t, "disk:128", volume("id1"))},
		{"a persistent volume with a bad id", "slash", one(t, "disk(role1):128", volume("id1/"))},
		{"a persistent volume mounted nowhere", "needs volume", one(t, "disk(role1):128", volume("id1"), func(m *mesospb.Resource) { m.Disk.Volume = nil })},
		{"a persistent volume of the host", "host_path", one(t, "disk(role1):128", volume("id1"), func(m *mesospb.Resource) { m.Disk.Volume.HostPath = proto.String("foo") })},
		{"a volume that does not persist", "without persistence", one(t, "disk(role1):128", volume("id1"), func(m *mesospb.Resource) { m.Disk.Persistence = nil })},
		{"a disk info that says nothing", "empty", one(t, "disk(role1):128", func(m *mesospb.Resource) { disk(m) })},
		{"a revocable persistent volume", "revoked", one(t, "disk(role1):128", volume("id1"), loose)},
		{"shared space", "shared", one(t, "disk(role1):128", sharedVolume)},
		{"a shared persistent volume", "", one(t, "disk(role1):128", volume("id1"), sharedVolume)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := validation.Resources(many(c.m))
			check(t, err, c.reason)
		})
	}
}

// can lists capabilities of an agent.
func can(all ...mesospb.AgentInfo_Capability_Type) (out []*mesospb.AgentInfo_Capability) {
	for _, c := range all {
		out = append(out, &mesospb.AgentInfo_Capability{Type: &c})
	}
	return out
}

var modern = can(mesospb.AgentInfo_Capability_HIERARCHICAL_ROLE, mesospb.AgentInfo_Capability_RESERVATION_REFINEMENT, mesospb.AgentInfo_Capability_RESIZE_VOLUME)

type attempt struct {
	name, reason string
	op           *mesospb.Offer_Operation
	by           validation.Asker
}

func runOperations(t *testing.T, attempts []attempt) {
	for _, a := range attempts {
		t.Run(a.name, func(t *testing.T) { check(t, validation.Operation(a.op, a.by), a.reason) })
	}
}

func framework(roles ...string) *mesospb.FrameworkInfo {
	return aFramework(multiRole, inRoles(roles...))
}

func TestReserve(t *testing.T) {
	op := func(rs ...*mesospb.Resource) *mesospb.Offer_Operation {
		return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_RESERVE.Enum(), Reserve: &mesospb.Offer_Operation_Reserve{Resources: rs}}
	}
	source := func(op *mesospb.Offer_Operation, rs ...*mesospb.Resource) *mesospb.Offer_Operation {
		op.Reserve.Source = rs
		return op
	}
	mine := one(t, "cpus:8", reservedBy("p", "role"), allocatedTo("role"))
	its := one(t, "disk:10", reservedBy("p", "role"), allocatedTo("role"), from("p1"))
	others := one(t, "disk:10", reservedBy("p", "role"), allocatedTo("role"), from("p2"))
	deep := one(t, "cpus:8", reservedBy("p", "foo/bar"), allocatedTo("foo/bar"))
	refined := one(t, "cpus:8", reservedBy("p", "foo", "foo/bar"), allocatedTo("foo/bar"))
	by := func(roles ...string) validation.Asker {
		return validation.Asker{Principal: "p", Framework: framework(roles...), Capabilities: modern}
	}
	runOperations(t, []attempt{
		{"in its own name and role", "", op(mine), by("role")},
		{"for a role the framework does not have", "framework has roles", op(mine), by("role1", "role2")},
		{"for the default role", `"*"`, op(one(t, "cpus:8", reservedBy("p", "*"))), by("role", "*")},
		{"in another's name", `you are "p"`, op(one(t, "cpus:8", reservedBy("p2", "role"), allocatedTo("role"))), by("role")},
		{"in nobody's name", "no principal", op(one(t, "cpus:8", reservedBy("", "role"), allocatedTo("role"))), by("role")},
		{"statically", "not reserved dynamically", op(one(t, "cpus(role):8", allocatedTo("role"))), by("role")},
		{"a static volume", "not reserved dynamically", op(mine, one(t, "disk(role):128", volume("id1"), allocatedTo("role"))), by("role")},
		{"for another role than it is offered to", "allocated to", op(one(t, "cpus:8", reservedBy("p", "role1"), allocatedTo("role2"))), by("role1", "role2")},
		{"what is offered to nobody", "allocated to no role", op(one(t, "cpus:8", reservedBy("p", "role"))), by("role")},
		{"for two roles at once", "only one", op(one(t, "cpus:8", reservedBy("p", "role1"), allocatedTo("role1")), one(t, "mem:8", reservedBy("p", "role2"), allocatedTo("role2"))), by("role1", "role2")},
		{"by an operator", "", op(one(t, "cpus:8", reservedBy("p", "role"))), validation.Asker{Principal: "p", Capabilities: modern}},
		{"by an operator, of what is allocated", "operators", op(mine), validation.Asker{Principal: "p", Capabilities: modern}},
		{"by nobody in particular", "", op(one(t, "cpus:8", reservedBy("", "role"))), validation.Asker{Capabilities: modern}},
		{"for a hierarchical role", "", op(deep), by("foo/bar")},
		{"for a hierarchical role on an old agent", "HIERARCHICAL_ROLE", op(deep), validation.Asker{Principal: "p", Framework: framework("foo/bar")}},
		{"further", "", op(refined), by("foo/bar")},
		{"further on an old agent", "RESERVATION_REFINEMENT", op(refined), validation.Asker{
			Principal: "p", Framework: framework("foo/bar"), Capabilities: can(mesospb.AgentInfo_Capability_HIERARCHICAL_ROLE),
		}},
		{"with a provider and without", "providers", op(mine, its), by("role")},
		{"of two providers", "providers", op(its, others), by("role")},
		{"of one provider", "", op(its), by("role")},
		{"from a source", "", source(op(one(t, "cpus:8", reservedBy("p", "role"))), one(t, "cpus:8", reservedBy("p", "other"))), validation.Asker{Principal: "p", Capabilities: modern}},
		{"from a source of another size", "not as much", source(op(one(t, "cpus:8", reservedBy("p", "role"))), one(t, "cpus:9", reservedBy("p", "other"))), validation.Asker{Principal: "p", Capabilities: modern}},
		{"from a mixed source", "several different", source(
			op(one(t, "cpus:8", reservedBy("p", "role"))), one(t, "cpus:4", reservedBy("p", "a")), one(t, "cpus:4", reservedBy("p", "b")),
		), validation.Asker{Principal: "p", Capabilities: modern}},
	})
}

func TestUnreserve(t *testing.T) {
	op := func(rs ...*mesospb.Resource) *mesospb.Offer_Operation {
		return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_UNRESERVE.Enum(), Unreserve: &mesospb.Offer_Operation_Unreserve{Resources: rs}}
	}
	mine := one(t, "cpus:8", reservedBy("p", "role"))
	its, others := one(t, "disk:10", reservedBy("p", "role"), from("p1")), one(t, "disk:10", reservedBy("p", "role"), from("p2"))
	runOperations(t, []attempt{
		{"what is reserved", "", op(mine), validation.Asker{}},
		{"what nobody reserved", "", op(one(t, "cpus:8", reservedBy("", "role"))), validation.Asker{Principal: "p"}},
		{"what the flags reserved", "not reserved dynamically", op(one(t, "cpus(role):8")), validation.Asker{}},
		{"a volume", "destroy it first", op(mine, one(t, "disk:128", reservedBy("p", "role"), volume("id1"))), validation.Asker{}},
		{"with a provider and without", "providers", op(mine, its), validation.Asker{}},
		{"of two providers", "providers", op(its, others), validation.Asker{}},
		{"of one provider", "", op(its), validation.Asker{}},
	})
}

func TestCreate(t *testing.T) {
	op := func(rs ...*mesospb.Resource) *mesospb.Offer_Operation {
		return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_CREATE.Enum(), Create: &mesospb.Offer_Operation_Create{Volumes: rs}}
	}
	v := one(t, "disk(role1):128", volume("id1"))
	shares := aFramework(multiRole, inRoles("role1"))
	shares.Capabilities = append(shares.Capabilities, &mesospb.FrameworkInfo_Capability{Type: mesospb.FrameworkInfo_Capability_SHARED_RESOURCES.Enum()})
	sharable := one(t, "disk(role1):128", volume("1"), sharedVolume, allocatedTo("role1"))
	its, others := one(t, "disk(role):10", volume("id2"), from("p1")), one(t, "disk(role):10", volume("id3"), from("p2"))
	runOperations(t, []attempt{
		{"a volume", "", op(v), validation.Asker{}},
		{"what is no volume", "no persistent volume", op(v, one(t, "cpus:2")), validation.Asker{}},
		{"an id that is on the agent", "twice", op(v), validation.Asker{Checkpointed: held(t, one(t, "disk(role1):64", volume("id1")))}},
		{"an id twice", "twice", op(v, one(t, "disk(role1):64", volume("id1"))), validation.Asker{}},
		{"an id of another role", "", op(v), validation.Asker{Checkpointed: held(t, one(t, "disk(role2):64", volume("id1")))}},
		{"in another's name", `you are "other"`, op(one(t, "disk(role1):128", volume("id1"), of("p"))), validation.Asker{Principal: "other"}},
		{"in nobody's name", "no principal", op(v), validation.Asker{Principal: "p"}},
		{"in its own name", "", op(one(t, "disk(role1):128", volume("id1"), of("p"))), validation.Asker{Principal: "p"}},
		{"that can only be read", "RW", op(one(t, "disk(role1):128", volume("id1"), func(m *mesospb.Resource) { m.Disk.Volume.Mode = mesospb.Volume_RO.Enum() })), validation.Asker{}},
		{"shared, by an operator", "", op(sharable), validation.Asker{}},
		{"shared, by a framework that does not know it", "SHARED_RESOURCES", op(sharable), validation.Asker{Framework: framework("role1")}},
		{"shared, by a framework that does", "", op(sharable), validation.Asker{Framework: shares}},
		{"for two roles at once", "only one", op(
			one(t, "disk(role1):128", volume("id1"), allocatedTo("role1")), one(t, "disk(role2):256", volume("id2"), allocatedTo("role2")),
		), validation.Asker{Framework: framework("role1", "role2")}},
		{"for a hierarchical role", "", op(one(t, "disk(foo/bar):128", volume("id1"))), validation.Asker{Capabilities: modern}},
		{"for a hierarchical role on an old agent", "HIERARCHICAL_ROLE", op(one(t, "disk(foo/bar):128", volume("id1"))), validation.Asker{}},
		{"with a provider and without", "providers", op(v, its), validation.Asker{}},
		{"of two providers", "providers", op(its, others), validation.Asker{}},
		{"of one provider", "", op(its), validation.Asker{}},
	})
}

func TestDestroy(t *testing.T) {
	op := func(rs ...*mesospb.Resource) *mesospb.Offer_Operation {
		return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_DESTROY.Enum(), Destroy: &mesospb.Offer_Operation_Destroy{Volumes: rs}}
	}
	v1, v2 := one(t, "disk(role1):128", volume("id1")), one(t, "disk(role1):64", volume("id2"))
	allocated := one(t, "disk(role1):128", volume("id1"), allocatedTo("role1"))
	sharable := one(t, "disk(role1):50", volume("1"), sharedVolume)
	its, others := one(t, "disk(role):10", volume("id2"), from("p1")), one(t, "disk(role):10", volume("id3"), from("p2"))
	rest := held(t, one(t, "cpus:1"), v2)
	runOperations(t, []attempt{
		{"a volume", "", op(v1), validation.Asker{Checkpointed: held(t, v1, v2)}},
		{"a volume that was offered", "", op(allocated), validation.Asker{Checkpointed: held(t, v1, v2)}},
		{"what is no volume", "no persistent volume", op(v1, one(t, "cpus:2")), validation.Asker{Checkpointed: held(t, v1, v2)}},
		{"an unknown volume", "not on the agent", op(v1), validation.Asker{}},
		{"a shared volume in use", "in use", op(sharable), validation.Asker{
			Checkpointed: held(t, sharable, v2), Used: []resources.Resources{rest, rest.Add(held(t, sharable)).Allocate("role1")},
		}},
		{"a shared volume that was given back", "", op(sharable), validation.Asker{Checkpointed: held(t, sharable, v2), Used: []resources.Resources{rest, rest}}},
		{"with a provider and without", "providers", op(v1, its), validation.Asker{Checkpointed: held(t, v1, its)}},
		{"of two providers", "providers", op(its, others), validation.Asker{}},
		{"of one provider", "", op(its), validation.Asker{}},
	})
}

var resizer = validation.Asker{Capabilities: modern}

// Volumes to resize, by what is special about them.
func toResize(t *testing.T) (v, bare, users, its, mount, path *mesospb.Resource) {
	return one(t, "disk(role1):128", volume("id1")),
		one(t, "disk(role1):128", volume("id1"), func(m *mesospb.Resource) { m.Disk.Persistence = nil }),
		one(t, "disk(role1):128", volume("id1"), sharedVolume),
		one(t, "disk(role1):128", volume("id1"), from("p")),
		one(t, "disk(role1):128", volume("id1"), on(mesospb.Resource_DiskInfo_Source_MOUNT, "", "")),
		one(t, "disk(role1):128", volume("id1"), on(mesospb.Resource_DiskInfo_Source_PATH, "", ""))
}

func TestGrow(t *testing.T) {
	op := func(v, by *mesospb.Resource) *mesospb.Offer_Operation {
		return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_GROW_VOLUME.Enum(), GrowVolume: &mesospb.Offer_Operation_GrowVolume{Volume: v, Addition: by}}
	}
	v, bare, users, its, mount, path := toResize(t)
	more := one(t, "disk(role1):128")
	runOperations(t, []attempt{
		{"a volume", "", op(v, more), resizer},
		{"no volume", "no persistent volume", op(bare, more), resizer},
		{"by nothing", "nothing", op(v, one(t, "disk(role1):0")), resizer},
		{"by another disk", "does not fit", op(path, more), resizer},
		{"by another role's", "does not fit", op(v, one(t, "disk(role2):128")), resizer},
		{"what is shared", "shared", op(users, more), resizer},
		{"what is a provider's", "provider", op(its, more), resizer},
		{"a mount", "does not fit", op(mount, one(t, "disk(role1):128", on(mesospb.Resource_DiskInfo_Source_MOUNT, "", ""))), resizer},
		{"on an old agent", "RESIZE_VOLUME", op(v, more), validation.Asker{}},
	})
}

func TestShrink(t *testing.T) {
	op := func(v *mesospb.Resource, by float64) *mesospb.Offer_Operation {
		return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_SHRINK_VOLUME.Enum(), ShrinkVolume: &mesospb.Offer_Operation_ShrinkVolume{
			Volume: v, Subtract: &mesospb.Value_Scalar{Value: &by},
		}}
	}
	v, bare, users, its, mount, _ := toResize(t)
	runOperations(t, []attempt{
		{"a volume", "", op(v, 64), resizer},
		{"no volume", "no persistent volume", op(bare, 64), resizer},
		{"by nothing", "nothing", op(v, 0), resizer},
		{"by less than nothing", "negative", op(v, -1), resizer},
		{"by everything", "destroy", op(v, 128), resizer},
		{"a mount", "MOUNT", op(mount, 64), resizer},
		{"what is shared", "shared", op(users, 64), resizer},
		{"what is a provider's", "provider", op(its, 64), resizer},
		{"on an old agent", "RESIZE_VOLUME", op(v, 64), validation.Asker{}},
	})
}

func TestDisks(t *testing.T) {
	raw, mount := mesospb.Resource_DiskInfo_Source_RAW, mesospb.Resource_DiskInfo_Source_MOUNT
	block, path := mesospb.Resource_DiskInfo_Source_BLOCK, mesospb.Resource_DiskInfo_Source_PATH
	create := func(source *mesospb.Resource, target mesospb.Resource_DiskInfo_Source_Type, profile *string) *mesospb.Offer_Operation {
		return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_CREATE_DISK.Enum(), CreateDisk: &mesospb.Offer_Operation_CreateDisk{
			Source: source, TargetType: &target, TargetProfile: profile,
		}}
	}
	destroy := func(source *mesospb.Resource) *mesospb.Offer_Operation {
		return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_DESTROY_DISK.Enum(), DestroyDisk: &mesospb.Offer_Operation_DestroyDisk{Source: source}}
	}
	profiled, plain := one(t, "disk:10", on(raw, "", "profile"), from("p1")), one(t, "disk:20", on(raw, "", ""), from("p2"))
	name := proto.String("profile")
	t.Run("create a disk", func(t *testing.T) {
		runOperations(t, []attempt{
			{"to mount", "", create(profiled, mount, nil), validation.Asker{}},
			{"of blocks", "", create(profiled, block, nil), validation.Asker{}},
			{"with a new profile", "", create(plain, mount, name), validation.Asker{}},
			{"of a path", "MOUNT or BLOCK", create(profiled, path, nil), validation.Asker{}},
			{"with two profiles", "already", create(profiled, mount, name), validation.Asker{}},
			{"without a profile", "set target_profile", create(plain, mount, nil), validation.Asker{}},
			{"from a mount", "no RAW disk", create(one(t, "disk:30", on(mount, "", ""), from("p3")), mount, nil), validation.Asker{}},
			{"from no provider", "not a resource provider's", create(one(t, "disk:40", on(raw, "", "profile")), mount, nil), validation.Asker{}},
		})
	})
	t.Run("destroy a disk", func(t *testing.T) {
		runOperations(t, []attempt{
			{"that is mounted", "", destroy(one(t, "disk:10", on(mount, "v1", ""), from("p"))), validation.Asker{}},
			{"made of blocks", "", destroy(one(t, "disk:20", on(block, "v2", ""), from("p"))), validation.Asker{}},
			{"that is raw", "", destroy(one(t, "disk:40", on(raw, "v3", ""), from("p"))), validation.Asker{}},
			{"that is a path", "no MOUNT, BLOCK or RAW", destroy(one(t, "disk:40", on(path, "v4", ""), from("p"))), validation.Asker{}},
			{"of no provider", "not a resource provider's", destroy(one(t, "disk:50", on(mount, "v5", ""))), validation.Asker{}},
			{"without an id", "no id", destroy(one(t, "disk:60", on(raw, "", "profile"), from("p"))), validation.Asker{}},
			{"with a volume on it", "destroy that first", destroy(one(t, "disk(role):70", volume("id"), on(mount, "v7", ""), from("p"))), validation.Asker{}},
		})
	})
}

func TestOperationThatIsNone(t *testing.T) {
	mustRefuse(t, validation.Operation(&mesospb.Offer_Operation{Type: mesospb.Offer_Operation_LAUNCH.Enum()}, validation.Asker{}), "LAUNCH")
	mustRefuse(t, validation.Operation(&mesospb.Offer_Operation{}, validation.Asker{}), "UNKNOWN")
}

func TestQuota(t *testing.T) {
	scalars := func(all map[string]float64) map[string]*mesospb.Value_Scalar {
		out := make(map[string]*mesospb.Value_Scalar)
		for name, v := range all {
			out[name] = &mesospb.Value_Scalar{Value: &v}
		}
		return out
	}
	type amounts = map[string]float64
	const exabyte, trillion = 1 << 40, 1e12
	most := amounts{"disk": exabyte, "mem": exabyte, "cpus": trillion, "ports": trillion, "foobars": trillion}
	more, less := amounts{"cpus": 20, "mem": 40}, amounts{"cpus": 10, "mem": 20}
	for _, c := range []struct {
		name, reason       string
		role               *string
		guarantees, limits amounts
	}{
		{"of no role", "no role", nil, nil, nil},
		{"of a role without a name", "empty", proto.String(""), nil, nil},
		{"that says nothing", "", proto.String("role"), nil, nil},
		{"of the default role", "", proto.String("*"), nil, nil},
		{"of the most there is", "", proto.String("*"), most, most},
		{"of more disk", "too large", proto.String("*"), nil, amounts{"disk": exabyte + 1}},
		{"of more memory", "too large", proto.String("*"), nil, amounts{"mem": exabyte + 1}},
		{"of more cpus", "at most 1000000000000", proto.String("*"), amounts{"cpus": trillion + 1}, nil},
		{"of more ports", "at most 1000000000000", proto.String("*"), amounts{"ports": trillion + 1}, nil},
		{"of more of anything", "at most 1000000000000", proto.String("*"), amounts{"foobars": trillion + 1}, nil},
		{"that guarantees more than the limits", "exceed", proto.String("*"), more, less},
		{"that guarantees as much as the limits", "", proto.String("*"), less, less},
		{"that guarantees less than the limits", "", proto.String("*"), less, more},
		{"that guarantees what is not limited", "", proto.String("*"), amounts{"cpus": 10, "mem": 20, "disk": 10}, amounts{"cpus": 10, "mem": 20, "gpu": 1}},
		{"limited to infinity", "too large", proto.String("*"), nil, amounts{"cpus": math.Inf(1)}},
		{"of a negative amount", "negative", proto.String("*"), amounts{"cpus": -1}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, validation.Quota(&quotapb.QuotaConfig{Role: c.role, Guarantees: scalars(c.guarantees), Limits: scalars(c.limits)}), c.reason)
		})
	}
}

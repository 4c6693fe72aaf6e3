package resources_test

import (
	"errors"
	"fmt"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

func Example() {
	machine, err := resources.Parse("cpus:4;mem:4096;ports:[31000-32000];cpus(eng):2")
	if err != nil {
		panic(err)
	}
	task, err := resources.Parse("cpus:0.5;mem:128;ports:[31500-31500]")
	if err != nil {
		panic(err)
	}
	if machine.Contains(task) {
		left := machine.Subtract(task)
		fmt.Println("left:", left)
		fmt.Println("all cpus:", left.CPUs())
		fmt.Println("for eng:", left.AllocatableTo("eng").Quantities())
	}
	// Output:
	// left: cpus:3.5; mem:3968; ports:[31000-31499, 31501-32000]; cpus(reservations: [(STATIC,eng)]):2
	// all cpus: 5.5
	// for eng: cpus:5.5; mem:3968; ports:1000
}

func ExampleFromProto() {
	_, err := resources.FromProto([]*mesospb.Resource{{
		Name: proto.String("cpus"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(-1)},
	}})
	fmt.Println(err)
	fmt.Println(errors.Is(err, resources.ErrValue), errors.Is(err, fault.ErrInvalid))
	// Output:
	// resource "cpus": bad resource value: amount -1 is negative: invalid request
	// true true
}

func ExampleResources_Apply() {
	disk, _ := resources.Parse("disk(eng):1000")
	volume := disk.Proto()[0]
	volume.Scalar.Value = proto.Float64(200)
	volume.Disk = &mesospb.Resource_DiskInfo{
		Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: proto.String("db")},
		Volume:      &mesospb.Volume{ContainerPath: proto.String("data"), Mode: mesospb.Volume_RW.Enum()},
	}
	after, err := disk.Apply(&mesospb.Offer_Operation{
		Type:   mesospb.Offer_Operation_CREATE.Enum(),
		Create: &mesospb.Offer_Operation_Create{Volumes: []*mesospb.Resource{volume}},
	})
	fmt.Println(after, err)
	// Output:
	// disk(reservations: [(STATIC,eng)]):800; disk(reservations: [(STATIC,eng)])[db:data]:200 <nil>
}

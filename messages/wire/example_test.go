package wire_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

func ExampleEncodeJSON() {
	_ = wire.EncodeJSON(os.Stdout, &schedulerpb.Call{
		Type:        schedulerpb.Call_DECLINE.Enum(),
		FrameworkId: &mesospb.FrameworkID{Value: proto.String("f-0000")},
		Decline: &schedulerpb.Call_Decline{
			OfferIds: []*mesospb.OfferID{{Value: proto.String("o-1")}},
			Filters:  &mesospb.Filters{}, // its default is written
		},
	})
	// Output: {"framework_id":{"value":"f-0000"},"type":"DECLINE","decline":{"offer_ids":[{"value":"o-1"}],"filters":{"refuse_seconds":5.0}}}
}

func ExampleDecodeJSON() {
	var call schedulerpb.Call
	err := wire.DecodeJSON([]byte(`{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"f"}}}`), &call, wire.Limits{})
	fmt.Println(err)
	fmt.Println(errors.Is(err, fault.ErrInvalid))
	// Output:
	// subscribe.framework_info.user: required but missing
	// true
}

func ExampleRecordReader() {
	stream := strings.NewReader("20\n{\"type\":\"HEARTBEAT\"}16\n{\"type\":\"ERROR\"}")
	r := wire.NewRecordReader(stream, wire.Limits{})
	for {
		var e schedulerpb.Event
		if err := r.Decode(wire.JSON, &e); err == io.EOF {
			return
		} else if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.GetType())
	}
	// Output:
	// HEARTBEAT
	// ERROR
}

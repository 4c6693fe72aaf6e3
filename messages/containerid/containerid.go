// Package containerid writes container ids as text and reads them back: the values from the outermost container to the
// innermost, with dots between them, as in logs, metrics and the names of folders.
package containerid

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Format writes an id, such as "5c6d….debug" for a container within another. It is empty for nil.
func Format(id *mesospb.ContainerID) string {
	var values []string
	for ; id != nil; id = id.GetParent() {
		values = append([]string{id.GetValue()}, values...)
	}
	return strings.Join(values, ".")
}

// Parse reads what Format writes. A text in which a value is empty, the empty text included, is of class fault.ErrInvalid;
// what else a value may hold is for validation to say.
func Parse(text string) (*mesospb.ContainerID, error) {
	var id *mesospb.ContainerID
	for value := range strings.SplitSeq(text, ".") {
		if value == "" {
			return nil, fmt.Errorf("container id %q lacks a value: %w", text, fault.ErrInvalid)
		}
		id = &mesospb.ContainerID{Value: proto.String(value), Parent: id}
	}
	return id, nil
}

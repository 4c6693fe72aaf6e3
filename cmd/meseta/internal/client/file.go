package client

import (
	"context"
	"errors"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
)

// chunk is how much of a file is asked for at once.
const chunk = 256 << 10

// File follows a file of a sandbox as it grows.
type File struct {
	Path   string
	offset uint64
}

// Copy writes what the file has gained since the last time, and says how much that was. A file that is not there
// yet has gained nothing.
func (f *File) Copy(ctx context.Context, w io.Writer, agent *Conversation) (n int, err error) {
	for {
		r, err := agent.AskAgent(ctx, &agentpb.Call{
			Type: agentpb.Call_READ_FILE.Enum(),
			ReadFile: &agentpb.Call_ReadFile{
				Path: proto.String(f.Path), Offset: proto.Uint64(f.offset), Length: proto.Uint64(chunk),
			},
		})
		if errors.Is(err, fault.ErrNotFound) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		data := r.GetReadFile().GetData()
		if _, err := w.Write(data); err != nil {
			return n, err
		}
		n += len(data)
		f.offset += uint64(len(data))
		if len(data) == 0 || f.offset >= r.GetReadFile().GetSize() {
			return n, nil
		}
	}
}

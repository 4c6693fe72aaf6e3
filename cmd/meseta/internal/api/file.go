package api

import (
	"context"
	"errors"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// chunk is how much of a file is asked for at once; agents give at most that.
const chunk = 64 << 10

// File is a file of a sandbox, read from where the last read ended.
type File struct {
	Agent  string // its pid
	Path   string // as the agent shows it
	Offset uint64
	Size   uint64 // as of the last read
	ID     string // which file the last read was of, however it is called by now; empty if the agent does not say
}

// Copy writes what there is from Offset on, and moves it. limit bounds how much; a negative one does not. progress,
// unless nil, hears of each piece.
func (f *File) Copy(ctx context.Context, c *Client, w io.Writer, limit int64, progress func(*File)) (n int64, err error) {
	for limit != 0 {
		data, err := f.read(ctx, c, limit)
		if err != nil {
			return n, err
		}
		if len(data) == 0 {
			return n, nil
		}
		if _, err := w.Write(data); err != nil {
			return n, err
		}
		n += int64(len(data))
		f.Offset += uint64(len(data))
		if limit > 0 {
			limit -= int64(len(data))
		}
		if progress != nil {
			progress(f)
		}
	}
	return n, nil
}

func (f *File) read(ctx context.Context, c *Client, limit int64) ([]byte, error) {
	want := uint64(chunk)
	if limit >= 0 {
		want = min(want, uint64(limit))
	}
	r, header, err := c.agent(ctx, f.Agent, &agentpb.Call{Type: agentpb.Call_READ_FILE.Enum(),
		ReadFile: &agentpb.Call_ReadFile{Path: proto.String(f.Path), Offset: proto.Uint64(f.Offset), Length: proto.Uint64(want)}})
	if err != nil {
		return nil, err
	}
	f.Size, f.ID = r.GetReadFile().GetSize(), header.Get("Meseta-File")
	return r.GetReadFile().GetData(), nil
}

// Measure asks for the size.
func (f *File) Measure(ctx context.Context, c *Client) error {
	_, err := f.read(ctx, c, 0)
	return err
}

// List shows a folder.
func (c *Client) List(ctx context.Context, agent, path string) ([]*mesospb.FileInfo, error) {
	r, err := c.Agent(ctx, agent, &agentpb.Call{Type: agentpb.Call_LIST_FILES.Enum(), ListFiles: &agentpb.Call_ListFiles{Path: proto.String(path)}})
	return r.GetListFiles().GetFileInfos(), err
}

// IsMissing reports whether a file or folder was not there.
func IsMissing(err error) bool { return errors.Is(err, fault.ErrNotFound) }

package agent

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// maxRead bounds one answer to READ_FILE. Mesos' 64 KiB would make a task that prints a lot slow to follow.
const maxRead = 1 << 20

// locate finds a path of a sandbox on the disk. It takes the sandbox's own path, as Mesos shows it, and
// /framework/<id>/executor/<id>/latest, which needs no container id. Nothing else is served.
func (v *View) locate(name string) (onDisk string, err error) {
	clean := path.Clean("/" + name)
	var found string
	v.EveryExecutor(func(_ *FrameworkView, e *ExecutorView, _ bool) {
		virtual := "/framework/" + e.run.framework + "/executor/" + e.run.executor + "/"
		for _, at := range []string{e.Sandbox, virtual + "latest", virtual + e.run.container} {
			if at == "" || found != "" {
				continue
			}
			if rest, ok := strings.CutPrefix(clean, at); ok && (rest == "" || rest[0] == '/') {
				found = sandbox(e.run) + rest
			}
		}
	})
	if found == "" {
		return "", fmt.Errorf("%s is in no sandbox of this agent: %w", name, fault.ErrNotFound)
	}
	return found, nil
}

func (d *desk) listFiles(v *View, c *agentpb.Call_ListFiles) func(context.Context) (*agentpb.Response, error) {
	place, err := v.locate(c.GetPath())
	return func(ctx context.Context) (*agentpb.Response, error) {
		if err != nil {
			return nil, err
		}
		files, err := d.disk.List(ctx, place)
		if err != nil {
			return nil, err
		}
		r := &agentpb.Response_ListFiles{}
		for _, f := range files {
			r.FileInfos = append(r.FileInfos, fileInfo(strings.TrimSuffix(c.GetPath(), "/"), f))
		}
		return &agentpb.Response{Type: agentpb.Response_LIST_FILES.Enum(), ListFiles: r}, nil
	}
}

func fileInfo(dir string, f File) *mesospb.FileInfo {
	return &mesospb.FileInfo{
		Path:  proto.String(dir + "/" + f.Name),
		Nlink: proto.Int32(int32(f.Links)),
		Size:  proto.Uint64(uint64(f.Size)),
		Mtime: &mesospb.TimeInfo{Nanoseconds: proto.Int64(f.Modified.UnixNano())},
		Mode:  proto.Uint32(unixMode(f)),
		Uid:   proto.String(f.User),
		Gid:   proto.String(f.Group),
	}
}

// unixMode is st_mode: permissions and the kind of file.
func unixMode(f File) uint32 {
	mode := uint32(f.Mode.Perm())
	switch {
	case f.Mode.IsDir():
		return mode | 0o040000
	case f.Mode.IsRegular():
		return mode | 0o100000
	case f.Mode.Type()&fs.ModeSymlink != 0:
		return mode | 0o120000
	}
	return mode
}

func (d *desk) readFile(v *View, c *agentpb.Call_ReadFile) func(context.Context) (*agentpb.Response, error) {
	place, err := v.locate(c.GetPath())
	return func(ctx context.Context) (*agentpb.Response, error) {
		if err != nil {
			return nil, err
		}
		length := uint64(maxRead)
		if c.Length != nil {
			length = min(length, c.GetLength())
		}
		if c.GetOffset() > 1<<62 {
			return nil, fmt.Errorf("offset %d: no file is that long: %w", c.GetOffset(), fault.ErrInvalid)
		}
		data, size, err := d.disk.ReadAt(ctx, place, int64(c.GetOffset()), int(length))
		if err != nil {
			return nil, err
		}
		if data == nil {
			data = []byte{}
		}
		return &agentpb.Response{Type: agentpb.Response_READ_FILE.Enum(),
			ReadFile: &agentpb.Response_ReadFile{Size: proto.Uint64(uint64(size)), Data: data}}, nil
	}
}

package files

import (
	"errors"
	"io"
	"io/fs"
	"os/user"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// maxEntries bounds one listing, which is built in memory. A task may make any number of files.
const maxEntries = 100_000

// List is what a directory holds, sorted by path; of a file it is nothing, as in Mesos. Entries are described as what
// they lead to, volumes in a sandbox too; other links that lead nowhere or out of the directory as links. Errors have Mesos' status and body.
func (s *Service) List(who authorization.Subject, virtual string) ([]*mesospb.FileInfo, error) {
	p, err := s.locate(who, virtual)
	if err != nil {
		return nil, err
	}
	defer p.close()
	info, err := p.root.Lstat(p.name)
	if err != nil {
		return nil, notThere(err)
	}
	if !info.IsDir() {
		return nil, nil
	}
	f, info, err := p.openFile()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !info.IsDir() {
		return nil, nil
	}
	entries, err := f.ReadDir(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, notThere(err)
	}
	if len(entries) > maxEntries {
		return nil, invalid("'%s' has more than %d entries.\n", virtual, maxEntries)
	}
	names := newNames()
	infos := make([]*mesospb.FileInfo, 0, len(entries))
	for _, e := range entries {
		at := path.Join(p.name, e.Name())
		info, err := s.entry(who, join(virtual, e.Name())), error(nil)
		if info == nil {
			info, err = p.root.Stat(at)
		}
		if err != nil {
			info, err = p.root.Lstat(at)
		}
		if err != nil {
			continue // removed meanwhile
		}
		infos = append(infos, describe(join(virtual, e.Name()), info, names))
	}
	slices.SortFunc(infos, func(a, b *mesospb.FileInfo) int { return strings.Compare(a.GetPath(), b.GetPath()) })
	return infos, nil
}

func join(dir, name string) string { return tidy(dir) + "/" + name }

func describe(virtual string, info fs.FileInfo, names *names) *mesospb.FileInfo {
	d := &mesospb.FileInfo{
		Path:  proto.String(strings.ToValidUTF8(virtual, "\uFFFD")),
		Nlink: proto.Int32(1),
		Size:  proto.Uint64(uint64(info.Size())),
		Mtime: &mesospb.TimeInfo{Nanoseconds: proto.Int64(info.ModTime().UnixNano())},
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		d.Mode = proto.Uint32(st.Mode)
		d.Nlink = proto.Int32(int32(st.Nlink))
		d.Uid, d.Gid = proto.String(names.user(st.Uid)), proto.String(names.group(st.Gid))
	}
	return d
}

// modeText is ls' ten letters for st_mode.
func modeText(mode uint32) string {
	kind := map[uint32]byte{syscall.S_IFDIR: 'd', syscall.S_IFLNK: 'l', syscall.S_IFIFO: 'p', syscall.S_IFSOCK: 's',
		syscall.S_IFCHR: 'c', syscall.S_IFBLK: 'b'}[mode&syscall.S_IFMT]
	if kind == 0 {
		kind = '-'
	}
	text := []byte{kind}
	for i := 8; i >= 0; i-- {
		letter := "xwr"[i%3]
		if mode&(1<<i) == 0 {
			letter = '-'
		}
		text = append(text, letter)
	}
	for _, special := range []struct {
		bit  uint32
		at   int
		x, n byte
	}{{syscall.S_ISUID, 3, 's', 'S'}, {syscall.S_ISGID, 6, 's', 'S'}, {syscall.S_ISVTX, 9, 't', 'T'}} {
		switch {
		case mode&special.bit == 0:
		case text[special.at] == 'x':
			text[special.at] = special.x
		default:
			text[special.at] = special.n
		}
	}
	return string(text)
}

// names remembers who has which number, because each look-up reads a file.
type names struct{ users, groups map[uint32]string }

func newNames() *names { return &names{map[uint32]string{}, map[uint32]string{}} }

func (n *names) user(id uint32) string {
	return remember(n.users, id, func(text string) (string, error) {
		u, err := user.LookupId(text)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	})
}

func (n *names) group(id uint32) string {
	return remember(n.groups, id, func(text string) (string, error) {
		g, err := user.LookupGroupId(text)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	})
}

func remember(known map[uint32]string, id uint32, look func(string) (string, error)) string {
	if name, ok := known[id]; ok {
		return name
	}
	text := strconv.FormatUint(uint64(id), 10)
	if name, err := look(text); err == nil {
		text = name
	}
	known[id] = text
	return text
}

package zookeeper

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-zookeeper/zk"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
)

// place is where the records of a cluster are. It is used by one goroutine.
type place struct {
	conn   *zk.Conn
	config Config

	shown bool // who we are has been said, and the connection repeats it by itself
	used  bool // there may be a record of ours
}

// away reports an error of the connection, which reports itself.
func away(err error) bool {
	return errors.Is(err, zk.ErrConnectionClosed) || errors.Is(err, zk.ErrNoServer) || errors.Is(err, zk.ErrSessionExpired) || errors.Is(err, zk.ErrClosing)
}

// authenticate says who we are, where the address does.
func (p *place) authenticate() error {
	if p.config.User == "" || p.shown {
		return nil
	}
	err := p.conn.AddAuth("digest", []byte(p.config.User+":"+p.config.Password))
	p.shown = err == nil
	return p.explain(err)
}

// acl is who may do what with a node of ours, as Mesos sets it.
func (p *place) acl() []zk.ACL {
	if p.config.User == "" {
		return zk.WorldACL(zk.PermAll)
	}
	return append(zk.WorldACL(zk.PermRead), zk.AuthACL(zk.PermAll)...)
}

func (p *place) at(name string) string { return p.config.Path + "/" + name }

// explain says what to do about a refusal.
func (p *place) explain(err error) error {
	switch {
	case errors.Is(err, zk.ErrNoAuth) && p.config.User == "":
		return fmt.Errorf("%s is not open to everybody; name who may write there with zk://user:password@…: %w: %w", p.config.Path, err, fault.ErrDenied)
	case errors.Is(err, zk.ErrNoAuth), errors.Is(err, zk.ErrAuthFailed):
		return fmt.Errorf("user %s may not do this at %s: another made it, or the password is wrong: %w: %w", p.config.User, p.config.Path, err, fault.ErrDenied)
	}
	return err
}

// create makes the path with all above it, and the fence.
func (p *place) create() error {
	for end := 1; end <= len(p.config.Path); end++ {
		if end < len(p.config.Path) && p.config.Path[end] != '/' {
			continue
		}
		above := p.config.Path[:end]
		if there, _, err := p.conn.Exists(above); err != nil || there {
			if err != nil {
				return err
			}
			continue
		}
		if _, err := p.conn.Create(above, nil, 0, p.acl()); err != nil && !errors.Is(err, zk.ErrNodeExists) {
			return err
		}
	}
	if _, err := p.conn.Create(p.at(fenceName), fence{}.encode(), 0, p.acl()); err != nil && !errors.Is(err, zk.ErrNodeExists) {
		return err
	}
	return nil
}

// owned is a record and the session that made it.
type owned struct {
	record
	session string
}

// records lists what is published, smallest number first or not.
func (p *place) records() (list []owned, err error) {
	names, _, err := p.conn.Children(p.config.Path)
	if errors.Is(err, zk.ErrNoNode) {
		return nil, nil
	}
	for _, name := range names {
		r, ok := parseName(name)
		if !ok || err != nil {
			continue
		}
		there, stat, failed := p.conn.Exists(p.at(name))
		if err = failed; err == nil && there {
			list = append(list, owned{r, sessionName(stat.EphemeralOwner)})
		}
	}
	return list, err
}

// published is what publish found or made.
type published struct {
	name  string
	fresh bool            // it was made by this call
	ahead string          // a record of a stranger that comes before it
	gone  <-chan zk.Event // has something when it may be gone
}

// publish makes w's record the only one of this cluster. It can be repeated at will: what is as it should be stays.
func (p *place) publish(w *wish) (done published, err error) {
	if err := p.authenticate(); err != nil {
		return done, err
	}
	for range 10 {
		done, err = p.tryPublish(w)
		// Somebody else wrote between our reading and our writing: look again.
		if !errors.Is(err, zk.ErrBadVersion) && !errors.Is(err, zk.ErrNoNode) {
			break
		}
	}
	return done, p.explain(err)
}

func (p *place) tryPublish(w *wish) (done published, err error) {
	data, stat, err := p.conn.Get(p.at(fenceName))
	if errors.Is(err, zk.ErrNoNode) {
		if err := p.create(); err != nil {
			return done, err
		}
		data, stat, err = p.conn.Get(p.at(fenceName))
	}
	if err != nil {
		return done, err
	}
	last, err := decodeFence(data)
	if err != nil {
		return done, fmt.Errorf("%s holds %.80q, which is not ours; delete it if nobody else needs it: %w", p.at(fenceName), data, fault.ErrConflict)
	}
	if last.Epoch > w.epoch {
		return done, fmt.Errorf("a master of a later term is published, of epoch %d where ours is %d; if the registry was wiped or restored meanwhile, delete %s: %w",
			last.Epoch, w.epoch, p.at(fenceName), cluster.ErrFenced)
	}
	list, err := p.records()
	if err != nil {
		return done, err
	}
	me := sessionName(p.conn.SessionID())
	done.name, err = p.present(list, me, w)
	if err != nil {
		return done, err
	}
	if done.name == "" || last != (fence{w.epoch, me}) {
		p.used = true
		if done.name, err = p.replace(list, last, fence{w.epoch, me}, stat.Version, w); err != nil {
			return done, err
		}
		done.fresh = true
	}
	mine, _ := parseName(done.name)
	for _, r := range list {
		if r.sequence < mine.sequence && r.session != me && r.session != last.Session {
			done.ahead = r.name
		}
	}
	there, _, gone, err := p.conn.ExistsW(p.at(done.name))
	if err == nil && !there {
		err = zk.ErrNoNode
	}
	done.gone = gone
	return done, err
}

// present is the record of ours that says what is wanted already, or "".
func (p *place) present(list []owned, me string, w *wish) (string, error) {
	for _, r := range list {
		if r.session != me {
			continue
		}
		data, _, err := p.conn.Get(p.at(r.name))
		if err != nil || bytes.Equal(data, w.data) {
			return r.name, err
		}
	}
	return "", nil
}

// replace does in one transaction what must not be seen in part: it takes the fence, if nobody took it since it was
// read; it removes the records of the last publisher and our own; and it makes ours.
func (p *place) replace(list []owned, last, next fence, version int32, w *wish) (string, error) {
	ops := []any{&zk.SetDataRequest{Path: p.at(fenceName), Data: next.encode(), Version: version}}
	for _, r := range list {
		if r.session == last.Session || r.session == next.Session {
			ops = append(ops, &zk.DeleteRequest{Path: p.at(r.name), Version: -1})
		}
	}
	ops = append(ops, &zk.CreateRequest{Path: p.at(inJSON + "_"), Data: w.data, Acl: p.acl(), Flags: zk.FlagEphemeral | zk.FlagSequence})
	done, err := p.conn.Multi(ops...)
	for _, one := range done {
		// The first real reason; the others only say that all was undone.
		if one.Error != nil && (err == nil || !errors.Is(err, zk.ErrBadVersion) && !errors.Is(err, zk.ErrNoNode) && !errors.Is(err, zk.ErrNoAuth)) {
			err = one.Error
		}
	}
	if err != nil {
		return "", err
	}
	if len(done) != len(ops) {
		return "", fmt.Errorf("ZooKeeper answered %d of %d operations: %w", len(done), len(ops), fault.ErrUnavailable)
	}
	return strings.TrimPrefix(done[len(done)-1].String, p.config.Path+"/"), nil
}

// withdraw removes the records of this session, and says how many. Those of earlier ones went with them.
func (p *place) withdraw() (removed int, err error) {
	if !p.used {
		return 0, nil
	}
	list, err := p.records()
	for _, r := range list {
		if err == nil && r.session == sessionName(p.conn.SessionID()) {
			if err = p.conn.Delete(p.at(r.name), -1); errors.Is(err, zk.ErrNoNode) {
				err = nil
			}
			removed++
		}
	}
	if err == nil {
		p.used = false
	}
	return removed, err
}

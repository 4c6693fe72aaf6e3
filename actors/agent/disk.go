package agent

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// Disk is the agent's work directory. Paths are relative to it, with slashes, and never leave it: a Disk
// refuses dot-dot and does not follow symbolic links that lead out.
//
// Writes go through Apply, one call at a time, so that what a crash leaves behind is always a prefix of what
// was asked: whoever wrote A before B never finds B without A. That is all that recovery relies on.
type Disk interface {
	// Apply makes changes in order, up to the first that fails, and says how many are done. One that fails because the
	// disk is full (ErrFull) has left nothing behind and may be tried again. When the process dies underway, the earlier
	// ones are done, one Append may be torn (a prefix of its bytes is there), and the later ones are not begun.
	Apply(ctx context.Context, changes []Change) (done int, err error)

	// Read returns a whole file, or fault.ErrNotFound.
	Read(ctx context.Context, path string) ([]byte, error)

	// ReadAt returns up to length bytes from offset and the size of the file. Past the end it returns none.
	ReadAt(ctx context.Context, path string, offset int64, length int) (data []byte, size int64, err error)

	// List returns what a directory holds, sorted by name; or of a file, the file alone. fault.ErrNotFound if
	// there is neither.
	List(ctx context.Context, path string) ([]File, error)

	// Sandbox makes a directory and those above it, owned by the user (empty: the agent's own). It returns the
	// absolute path, which the processes of the container are told.
	Sandbox(ctx context.Context, path, user string) (string, error)

	// Bind puts volumes into a sandbox as symbolic links, and gives them to the sandbox's owner. It makes the
	// directories on the way to a link. What a task left in the sandbox leads nowhere else, and is never replaced.
	Bind(ctx context.Context, sandbox string, volumes []Volume) error

	// Touch makes now the time at which a directory was modified.
	Touch(ctx context.Context, path string) error

	// Discard deletes a directory with all that it holds. Unlike Remove it is for what tasks have filled: it copes with
	// odd permissions and any depth, follows no link, and leaves alone what is mounted there, which makes it fail.
	Discard(ctx context.Context, path string) error

	// Where is the absolute path of a name, as processes of this machine know it.
	Where(ctx context.Context, path string) (string, error)

	// Used is which share of the disk is used, from 0 to 1.
	Used(ctx context.Context) (float64, error)
}

// Change is one step of Apply.
type Change struct {
	Kind ChangeKind
	Path string
	// Root is a directory of the operator's, to which Path is relative, for Make, Move and Clear; empty: the work
	// directory.
	Root string
	// Data is the content for Put and Append; for Link, what the link names, relative to the link's directory; for
	// Move, where it was.
	Data []byte
	// Size is what Cut leaves of a file, in bytes.
	Size int64
	// Durable: it survives a loss of power too, not only the end of the process. It is for the little that the
	// cluster relies on beyond that: who the agent is.
	Durable bool
}

// ChangeKind is what a Change does. Missing directories on the way are made.
type ChangeKind uint8

const (
	// Put replaces a file as a whole: the old or the new content is there, never a mixture.
	Put ChangeKind = iota + 1
	// Append adds to the end of a file.
	Append
	// Link makes a symbolic link, in place of one that was there.
	Link
	// Remove deletes a file, or a directory with all that it holds, in the order of the names. What is not there is no
	// error.
	Remove
	// Make makes a directory if there is none.
	Make
	// Move brings a directory from elsewhere. It is no error if it was moved already; what is in its place is not
	// replaced unless it is empty.
	Move
	// Clear deletes a directory with all that it holds; of the Root itself, only what it holds.
	Clear
	// Prune deletes a directory of runs if it holds nothing but a link to a run that is gone, and those above it that are
	// empty then, up to the agent's own. It never fails: what is in use stays.
	Prune
	// Cut takes away what is beyond the first Size bytes of a file. It needs no room.
	Cut
)

// ErrFull is why a change fails for which the disk has no room, or its user no quota.
var ErrFull = errors.New("the disk is full")

// File is an entry of a directory.
type File struct {
	Name     string
	Size     int64
	Mode     fs.FileMode
	Links    int
	Modified time.Time
	// User and Group are names, or numbers that have no name.
	User, Group string
}

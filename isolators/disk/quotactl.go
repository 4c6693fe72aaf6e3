package disk

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/fault"
)

// What <linux/dqblk_xfs.h> and <linux/fs.h> say, which golang.org/x/sys does not.
const (
	xfsMagic     = 0x58465342
	projectQuota = 2
	quotaOn      = 'X'<<8 + 1
	getQuota     = 'X'<<8 + 3
	setLimits    = 'X'<<8 + 4
	getState     = 'X'<<8 + 8
	accounted    = 1 << 4 // of projects
	enforced     = 1 << 5
	ofProject    = 2 // a record of a project
	softAndHard  = 1<<2 | 1<<3
	getAttr      = 0x801c581f
	setAttr      = 0x401c5820
	inherit      = 0x200 // what is made below belongs to the same project
	blockSize    = 512
)

// record is fs_disk_quota.
type record struct {
	version, flags                               int8
	fields                                       uint16
	id                                           uint32
	hard, soft, inoHard, inoSoft, blocks, inodes uint64
	inoTimer, blockTimer                         int32
	inoWarns, blockWarns                         uint16
	_                                            [4]int8
	rtHard, rtSoft, rtBlocks                     uint64
	rtTimer                                      int32
	rtWarns                                      uint16
	_                                            int16
	_                                            [8]byte
}

// status is fs_quota_statv.
type status struct {
	version uint8
	_       uint8
	flags   uint16
	_       [156]byte
}

// attributes is fsxattr.
type attributes struct {
	flags, extent, extents, project, cow uint32
	_                                    [8]byte
}

func quotactl(fd int, command, kind int, id uint32, to unsafe.Pointer) error {
	_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL_FD, uintptr(fd), uintptr(command<<8|kind), uintptr(id), uintptr(to), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// supported says why a file system cannot keep projects to a quota, or nil.
func supported(dir string) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if int64(s.Type) != xfsMagic {
		return fmt.Errorf("'%s' is not an XFS filesystem: use disk/du, or a file system made by mkfs.xfs: %w", dir, fault.ErrInvalid)
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	fd := int(f.Fd())
	on := uint32(accounted | enforced)
	_ = quotactl(fd, quotaOn, 0, 0, unsafe.Pointer(&on)) // it says EEXIST when they are, and the state says whether they are
	st := status{version: 1}
	if err := quotactl(fd, getState, 0, 0, unsafe.Pointer(&st)); errors.Is(err, unix.ENOSYS) && !knows() {
		return fmt.Errorf("the kernel has no quotactl_fd: use Linux 5.14 or newer: %w", fault.ErrInvalid)
	} else if err != nil || st.flags&accounted == 0 {
		return fmt.Errorf("XFS project quotas are not enabled on '%s' (%v): mount it with -o prjquota, on a kernel with CONFIG_XFS_QUOTA: %w", dir, err, fault.ErrInvalid)
	}
	return nil
}

// knows tells whether the kernel has quotactl_fd(2): one that does looks at the descriptor first.
func knows() bool { return errors.Is(quotactl(-1, getState, 0, 0, nil), unix.EBADF) }

// projectOf is the project of what is open; 0: none.
func projectOf(fd int) (uint32, error) {
	var a attributes
	err := ioctl(fd, getAttr, &a)
	return a.project, err
}

func setProject(fd int, id uint32) error {
	var a attributes
	if err := ioctl(fd, getAttr, &a); err != nil {
		return err
	}
	if a.project == id && (a.flags&inherit != 0) == (id != 0) {
		return nil
	}
	a.project = id
	a.flags |= inherit
	if id == 0 {
		a.flags &^= inherit
	}
	return ioctl(fd, setAttr, &a)
}

func ioctl(fd int, request uintptr, a *attributes) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(a))); errno != 0 {
		return errno
	}
	return nil
}

// limit sets what a project may use, in bytes; 0: as much as there is. Beyond soft it is only remarked upon.
func limit(fd int, id uint32, soft, hard uint64) error {
	r := record{version: 1, flags: ofProject, fields: softAndHard, id: id, soft: (soft + blockSize - 1) / blockSize, hard: (hard + blockSize - 1) / blockSize}
	return quotactl(fd, setLimits, projectQuota, id, unsafe.Pointer(&r))
}

// usedBy is what a project uses, in bytes.
func usedBy(fd int, id uint32) (uint64, error) {
	var r record
	err := quotactl(fd, getQuota, projectQuota, id, unsafe.Pointer(&r))
	if errors.Is(err, unix.ENOENT) { // nothing ever
		return 0, nil
	}
	return r.blocks * blockSize, err
}

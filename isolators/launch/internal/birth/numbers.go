package birth

import "syscall"

// System calls since 5.1 have one number on every architecture.
const (
	sysOpenTree     = 428
	sysMoveMount    = 429
	sysCloseRange   = 436
	sysOpenat2      = 437
	sysMountSetattr = 442
)

// What package syscall lacks, by the kernel's names.
const (
	atFDCWD        = -100
	atEmptyPath    = 0x1000
	atRecursive    = 0x8000
	atNofollow     = 0x100
	oPath          = 0x200000
	openTreeClone  = 1
	fromEmptyPath  = 0x4
	toEmptyPath    = 0x40
	resolveNoMagic = 0x02
	resolveBeneath = 0x08
	resolveInRoot  = 0x10

	cloneNewNS     = 0x20000
	cloneNewCgroup = 0x2000000
	cloneNewUTS    = 0x4000000
	cloneNewIPC    = 0x8000000
	cloneNewUser   = 0x10000000
	cloneNewPID    = 0x20000000
	cloneNewNet    = 0x40000000
	cloneParent    = 0x8000
	cloneFS        = 0x200

	prSetDumpable    = 4
	prSetKeepCaps    = 8
	prCapbsetDrop    = 24
	prSetNoNewPrivs  = 38
	prSetPdeathsig   = 1
	prCapAmbient     = 47
	ambientRaise     = 2
	ambientClearAll  = 4
	seccompSetFilter = 1
	closeRangeExec   = 4
	capVersion3      = 0x20080522
	keyctlJoin       = 1

	attrReadonly = 0x1
	attrNosuid   = 0x2
	attrNodev    = 0x4
	attrNoexec   = 0x8
	attrAtime    = 0x70
	attrNoatime  = 0x10
	attrStrict   = 0x20
	attrNodirat  = 0x80
	attrNosymf   = 0x200000

	procMagic    = 0x9fa0
	lastPossible = 63 // no kernel can have more capabilities
)

const msNosymfollow = 256

// attributes are the flags of mount(2) as those of mount_setattr(2): what is set, and what of the old is put away.
func attributes(flags uintptr) (set, clear uint64) {
	for _, f := range []struct {
		ms   uintptr
		attr uint64
	}{
		{syscall.MS_RDONLY, attrReadonly}, {syscall.MS_NOSUID, attrNosuid}, {syscall.MS_NODEV, attrNodev}, {syscall.MS_NOEXEC, attrNoexec},
		{syscall.MS_NODIRATIME, attrNodirat}, {msNosymfollow, attrNosymf},
	} {
		if flags&f.ms != 0 {
			set |= f.attr
		}
	}
	// The three ways of atime share one field: it is emptied before it is filled.
	switch {
	case flags&syscall.MS_NOATIME != 0:
		set, clear = set|attrNoatime, attrAtime
	case flags&syscall.MS_STRICTATIME != 0:
		set, clear = set|attrStrict, attrAtime
	case flags&syscall.MS_RELATIME != 0:
		clear = attrAtime
	}
	return set, clear
}

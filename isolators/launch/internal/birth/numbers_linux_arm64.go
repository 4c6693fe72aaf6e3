package birth

// System calls that package syscall does not number on this architecture.
const (
	sysSetns    = 268
	sysSeccomp  = 277
	sysExecveat = 281
	sysMknodat  = 33
)

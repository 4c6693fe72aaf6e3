package birth

// System calls that package syscall does not number on this architecture.
const (
	sysSetns    = 308
	sysSeccomp  = 317
	sysExecveat = 322
	sysMknodat  = 259
)

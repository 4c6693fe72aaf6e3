package birth

// Op is what a Step does. The comments name its numbers (N) and strings (S) in order.
type Op uint8

// The steps, in about the order in which they come.
const (
	Sysctl     Op = 1 + iota // S: path below /proc/sys, value. Through the machine's /proc, which shows everybody their own namespaces
	Join                     // S: file of a namespace; N: its kind. Not for user and pid namespaces: see Enter
	Enter                    // S: files of namespaces; N: their kinds, the kinds to be made anew after that, their inodes. A process born inside takes over
	Unshare                  // N: kinds to be made anew
	Hostname                 // S: name
	Spread                   // N: propagation of the whole tree of mounts
	Tree                     // S: source, from; N: flags, propagation, Optional. What a later bind mount shows: it may be out of sight by then
	Root                     // S: directory on the machine. From here on paths of the container begin there
	Mount                    // S: source, target, within, type, data; N: flags, propagation, Make|Optional, number of its Tree from 1 or 0
	Device                   // S: path; N: mode with type, major, minor, uid, gid
	Link                     // S: what it says, path
	Mask                     // S: path
	Readonly                 // S: path
	Pivot                    // the root of the paths becomes that of the process, and the machine's goes away
	Keyring                  // a session keyring of its own
	Stay                     // this process stays as the first of its pid namespace, and its child does the rest; N: descriptors of the program to stay as and for the wait status, or 0
	Umask                    // N: mask
	Dir                      // S: path
	Rlimit                   // N: kind, soft, hard
	Bounding                 // N: the capabilities to keep, the last one that the kernel knows
	KeepCaps                 // capabilities survive a change of user until the program runs
	Groups                   // N: numbers
	GID                      // N: number
	UID                      // N: number
	Caps                     // N: effective, permitted, inheritable
	Ambient                  // N: capabilities
	NoNewPrivs               // programs gain nothing by set-user-id bits and file capabilities
	CloseRest                // every descriptor but 0, 1 and 2 closes when the program runs
	Seccomp                  // S: the filter, 8 bytes each
	Exec                     // S: number of candidates, the candidates' paths, number of arguments, arguments, environment; N: counts

	lastOp
)

// Bits of a Mount's third number.
const (
	Make     = 1 // the target when it is not there
	Optional = 2 // leave it out without source or target
)

// Step is one thing to do.
type Step struct {
	Op Op
	N  []uint64
	S  []string
}

// Marker is the variable in the environment of a process that this package takes over; its value is of no matter.
const Marker = "MESETA_BIRTH"

// Name is what such a process is called in lists of processes until its program runs.
const Name = "meseta-container"

// InitName is what the process that stays is called.
const InitName = "meseta-init"

// The descriptors of such a process besides the three usual ones.
const (
	StepsFD  = 3 // the steps come from here; its end without them means that nobody wants the process any more
	ReportFD = 4 // what went wrong goes here; its end after the word Ready means that the program runs
	InitFD   = 5 // what Stay becomes
	StatusFD = 6 // where that writes the program's wait status
)

// Limits of what is believed of a pipe.
const (
	MaxBytes = 16 << 20 // the kernel allows 6 MiB of arguments and environment
	magic    = "MSB1"   // and the version of the format
	header   = len(magic) + 4
)

// Encode writes steps as Decode reads them: magic, length, and for each its op, counts, numbers and strings.
func Encode(steps []Step) []byte {
	b := append(make([]byte, 0, 4096), magic...)
	b = put32(b, 0)
	for _, s := range steps {
		b = append(b, byte(s.Op))
		b = put32(b, uint32(len(s.N)))
		for _, n := range s.N {
			b = put32(put32(b, uint32(n)), uint32(n>>32))
		}
		b = put32(b, uint32(len(s.S)))
		for _, v := range s.S {
			b = append(put32(b, uint32(len(v))), v...)
		}
	}
	put32(b[len(magic):len(magic)], uint32(len(b)-header))
	return b
}

// Decode reads the steps after the header. The second result is false for what Encode does not write.
func Decode(b []byte) ([]Step, bool) {
	r := reader{b: b, ok: true}
	var steps []Step
	for r.ok && len(r.b) > 0 {
		s := Step{Op: Op(r.bytes(1)[0])}
		for range r.count(8) {
			lo := r.u32()
			s.N = append(s.N, uint64(lo)|uint64(r.u32())<<32)
		}
		for range r.count(4) {
			s.S = append(s.S, string(r.bytes(int(r.u32()))))
		}
		if s.Op == 0 || s.Op >= lastOp {
			return nil, false
		}
		steps = append(steps, s)
	}
	return steps, r.ok
}

type reader struct {
	b  []byte
	ok bool
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.ok, r.b = false, nil
		return make([]byte, min(max(n, 0), 8)) // what is read is thrown away
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u32() uint32 { return u32(r.bytes(4)) }

// count of things that take at least size bytes each: no more are believed than there is room for.
func (r *reader) count(size int) int {
	n := int(r.u32())
	if n*size > len(r.b) {
		r.ok, r.b = false, nil
		return 0
	}
	return n
}

func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

//go:nosplit
func put32(b []byte, v uint32) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

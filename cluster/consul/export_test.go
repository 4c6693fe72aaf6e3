package consul

// For tests that stand between the election and a real Consul.

func Dial(c Config) (Wire, error) { return dial(c) }

func BootClock() Clock { return bootClock{} }

var (
	Pages    = pages
	Escape   = escape
	Unescape = unescape
	Place    = place

	DecodeLeader   = decodeLeader
	DecodeRevision = decodeRevision
)

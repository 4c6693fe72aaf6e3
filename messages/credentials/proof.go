package credentials

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// NonceSize is how many bytes the nonce of a Challenge has.
const NonceSize = 32

// Challenge is what a proof is good for, and for nothing else: a proof that somebody overheard fits no other nonce,
// and one that a false master asked for does not fit the true one.
type Challenge struct {
	Nonce []byte
	// Client and Master are the addresses that each is known by.
	Client, Master string
}

// Prove shows that its maker has the secret of a credential: HMAC-SHA-256 of the challenge and the principal, keyed
// with the SHA-256 of the secret, which is what the master keeps.
func Prove(c *mesospb.Credential, to Challenge) []byte {
	return to.sign(sha256.Sum256([]byte(c.GetSecret())), c.GetPrincipal())
}

// Proven says whether a proof was made with the principal's secret. It takes as long for a principal that is not
// known as for one that is.
func (c Credentials) Proven(principal string, to Challenge, proof []byte) bool {
	key, known := c.digests[principal]
	return hmac.Equal(to.sign(key, principal), proof) && known
}

func (to Challenge) sign(key [sha256.Size]byte, principal string) []byte {
	mac := hmac.New(sha256.New, key[:])
	// With its length before each part, so that no two lists of parts look alike.
	for _, part := range []string{"meseta authentication 1", principal, to.Client, to.Master, string(to.Nonce)} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part)))) // a hash never fails
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

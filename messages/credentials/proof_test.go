package credentials_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func credential(principal, secret string) *mesospb.Credential {
	return &mesospb.Credential{Principal: proto.String(principal), Secret: proto.String(secret)}
}

func TestProof(t *testing.T) {
	known, err := credentials.Parse([]byte("bob hunter2\neve hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	nonce := bytes.Repeat([]byte{7}, credentials.NonceSize)
	to := credentials.Challenge{Nonce: nonce, Client: "slave(1)@a:5051", Master: "master@m:5050"}
	proof := credentials.Prove(credential("bob", "hunter2"), to)
	if !known.Proven("bob", to, proof) {
		t.Error("the right secret proves nothing")
	}
	for _, c := range []struct {
		name, principal string
		to              credentials.Challenge
		proof           []byte
	}{
		{"a wrong secret", "bob", to, credentials.Prove(credential("bob", "hunter3"), to)},
		{"somebody nobody knows, without a secret", "mallory", to, credentials.Prove(credential("mallory", ""), to)},
		{"another's proof, with the same secret", "eve", to, proof},
		{"half a proof", "bob", to, proof[:16]},
		{"no proof", "bob", to, nil},
		{"an overheard proof", "bob", credentials.Challenge{Nonce: make([]byte, credentials.NonceSize), Client: to.Client, Master: to.Master}, proof},
		{"another client", "bob", credentials.Challenge{Nonce: nonce, Client: "slave(1)@b:5051", Master: to.Master}, proof},
		{"another master", "bob", credentials.Challenge{Nonce: nonce, Client: to.Client, Master: "master@n:5050"}, proof},
		{"parts that are shifted", "bob", credentials.Challenge{Nonce: nonce, Client: to.Client + "m", Master: to.Master[1:]}, proof},
	} {
		t.Run(c.name, func(t *testing.T) {
			if known.Proven(c.principal, c.to, c.proof) {
				t.Error("it is taken for a proof")
			}
		})
	}
}

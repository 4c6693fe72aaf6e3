package agent

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
)

// A record is a file that is written as a whole:
//
//	seal    4 bytes, "MSR2"
//	length  4 bytes, little endian, of the payload
//	crc     4 bytes, little endian, CRC-32C of the payload
//	payload a message, whose first field is the version of its form
//
// The first agents wrote the payload alone. It begins with the tag of its version, 0x08, so the two cannot be mixed up.
const (
	recordSeal   = "MSR2"
	recordHeader = len(recordSeal) + 8
)

// checkpointVersion is the form of the records below meta/. A newer agent reads what an older one wrote.
//
//	1  payloads alone; frames whose length is not checked
//	2  records are sealed; frames check their length too
const checkpointVersion = 2

var (
	errDamaged = errors.New("the checkpoint is damaged")
	errNewer   = errors.New("the checkpoint was written by a newer Meseta")
)

// encodeFile is a record as a file.
func encodeFile(m proto.Message) ([]byte, error) {
	data, err := proto.MarshalOptions{}.MarshalAppend(make([]byte, recordHeader), m)
	if err != nil {
		return nil, err
	}
	payload := data[recordHeader:]
	copy(data, recordSeal)
	binary.LittleEndian.PutUint32(data[len(recordSeal):], uint32(len(payload)))
	binary.LittleEndian.PutUint32(data[len(recordSeal)+4:], checksum(payload))
	return data, nil
}

// decodeFile reads a record of any version up to this one. What is not whole is damaged: a file is replaced in one step,
// so no crash of a process leaves half of one.
func decodeFile(data []byte, into proto.Message) error {
	payload, err := unseal(data)
	if err != nil {
		return err
	}
	if v := versionOf(payload); v > checkpointVersion {
		return newer(v)
	}
	if err := proto.Unmarshal(payload, into); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}

func unseal(data []byte) (payload []byte, err error) {
	switch {
	case len(data) == 0:
		return nil, fmt.Errorf("%w: the file is empty", errDamaged)
	case data[0] == firstTag:
		return data, nil
	case len(data) < recordHeader || string(data[:len(recordSeal)]) != recordSeal:
		return nil, fmt.Errorf("%w: it does not begin like one", errDamaged)
	}
	payload = data[recordHeader:]
	if length := binary.LittleEndian.Uint32(data[len(recordSeal):]); uint64(length) != uint64(len(payload)) {
		return nil, fmt.Errorf("%w: it says that it has %d bytes and has %d", errDamaged, length, len(payload))
	}
	if checksum(payload) != binary.LittleEndian.Uint32(data[len(recordSeal)+4:]) {
		return nil, fmt.Errorf("%w: its checksum does not fit", errDamaged)
	}
	return payload, nil
}

// firstTag is how every payload begins: with its version, the first field.
const firstTag = 0x08

// versionOf reads the version before the rest is understood. 0: there is none.
func versionOf(payload []byte) uint64 {
	if len(payload) == 0 || payload[0] != firstTag {
		return 0
	}
	v, n := protowire.ConsumeVarint(payload[1:])
	if n < 0 {
		return 0
	}
	return v
}

func newer(version uint64) error {
	return fmt.Errorf("%w: its form is %d, and this one reads up to %d", errNewer, version, checkpointVersion)
}

// decodeFirstExecutor reads what the very first agents wrote about an executor: a payload alone, written anew each time.
// Nil: it is a journal.
func decodeFirstExecutor(data []byte) *controlpb.ExecutorCheckpoint {
	// Version 1, then the executor. As a journal it would begin with a record of more than a megabyte.
	if !bytes.HasPrefix(data, []byte{firstTag, 1, 0x12}) {
		return nil
	}
	record := &controlpb.ExecutorCheckpoint{}
	if err := proto.Unmarshal(data, record); err != nil {
		return nil
	}
	return record
}

// decodeExecutor adds up what was written about an executor; nil if not even the beginning is whole.
func decodeExecutor(data []byte) (record *controlpb.ExecutorCheckpoint, good int, err error) {
	good, err = walk(data, func(payload []byte) error {
		learned := &controlpb.ExecutorCheckpoint{}
		if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(payload, learned); err != nil {
			return err
		}
		if learned.GetVersion() > checkpointVersion {
			return newer(uint64(learned.GetVersion()))
		}
		if record != nil {
			proto.Merge(record, learned)
			return nil
		}
		if err := proto.CheckInitialized(learned); err != nil {
			return err
		}
		record = learned
		return nil
	})
	return record, good, err
}

// decodeJournal reads a task's updates and acknowledgements.
func decodeJournal(data []byte) (records []*controlpb.UpdateRecord, good int, err error) {
	good, err = walk(data, func(payload []byte) error {
		r := &controlpb.UpdateRecord{}
		if err := proto.Unmarshal(payload, r); err != nil {
			return err
		}
		if r.Record == nil {
			return errors.New("a line that says nothing")
		}
		records = append(records, r)
		return nil
	})
	return records, good, err
}

package agent

import (
	"encoding/binary"
	"hash/crc32"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
)

// A journal is a file of records in the order in which they were stored, each framed as
//
//	length  4 bytes, little endian, of the payload
//	crc     4 bytes, little endian, CRC-32C of the payload
//	payload a message
//
// A task's updates and acknowledgements are one, of controlpb.UpdateRecord. What is known of an executor is
// another, of controlpb.ExecutorCheckpoint: all of it first, then what was learned later. Adding a line is much
// cheaper than replacing a file, and an executor is learned of twice more: when it runs, and when it subscribes.
//
// A crash may tear the last frame. Reading stops there: nobody was told of a record whose write did not return.
const (
	frameHeader = 8
	// maxRecord bounds what a damaged length can ask for. A status carries at most one message of an executor.
	maxRecord = 64 << 20
)

// encodeRecord frames one record.
func encodeRecord(r proto.Message) ([]byte, error) { return encodeFrame(proto.MarshalOptions{}, r) }

func encodeFrame(o proto.MarshalOptions, r proto.Message) ([]byte, error) {
	frame, err := o.MarshalAppend(make([]byte, frameHeader), r)
	if err != nil {
		return nil, err
	}
	payload := frame[frameHeader:]
	binary.LittleEndian.PutUint32(frame, uint32(len(payload)))
	binary.LittleEndian.PutUint32(frame[4:], checksum(payload))
	return frame, nil
}

// decodeJournal reads records until the end or the first frame that is not whole. good is how many bytes were
// read; if it is less than len(data), the rest is a torn write and has to go before anything is appended.
func decodeJournal(data []byte) (records []*controlpb.UpdateRecord, good int) {
	for payload := range frames(data) {
		r := &controlpb.UpdateRecord{}
		if err := proto.Unmarshal(payload, r); err != nil || r.Record == nil {
			break
		}
		records = append(records, r)
		good += frameHeader + len(payload)
	}
	return records, good
}

// decodeExecutor adds up what was written about an executor; nil if not even the beginning is whole.
func decodeExecutor(data []byte) (record *controlpb.ExecutorCheckpoint, good int) {
	for payload := range frames(data) {
		learned := &controlpb.ExecutorCheckpoint{}
		if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(payload, learned); err != nil {
			break
		}
		if record == nil {
			if proto.CheckInitialized(learned) != nil {
				break
			}
			record = learned
		} else {
			proto.Merge(record, learned)
		}
		good += frameHeader + len(payload)
	}
	return record, good
}

// frames walks the payloads until the end or the first frame that is not whole.
func frames(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := data; len(rest) >= frameHeader; {
			length := int(binary.LittleEndian.Uint32(rest))
			if length > maxRecord || length > len(rest)-frameHeader {
				return
			}
			payload := rest[frameHeader : frameHeader+length]
			if checksum(payload) != binary.LittleEndian.Uint32(rest[4:]) || !yield(payload) {
				return
			}
			rest = rest[frameHeader+length:]
		}
	}
}

// checksum asks for the table each time, which is cheap once it is made: making it when the program starts would
// cost every executor, which is the same program, what it never uses.
func checksum(payload []byte) uint32 {
	return crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli))
}

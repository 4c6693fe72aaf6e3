package agent

import (
	"encoding/binary"
	"hash/crc32"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
)

// A journal is a task's updates and acknowledgements in the order in which they were stored, each framed as
//
//	length  4 bytes, little endian, of the payload
//	crc     4 bytes, little endian, CRC-32C of the payload
//	payload a controlpb.UpdateRecord
//
// A crash may tear the last frame. Reading stops there: nobody was told of a record whose write did not return.
const (
	frameHeader = 8
	// maxRecord bounds what a damaged length can ask for. A status carries at most one message of an executor.
	maxRecord = 64 << 20
)

// encodeRecord frames one record.
func encodeRecord(r *controlpb.UpdateRecord) ([]byte, error) {
	frame, err := proto.MarshalOptions{}.MarshalAppend(make([]byte, frameHeader), r)
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
	for rest := data; len(rest) >= frameHeader; rest = data[good:] {
		length := int(binary.LittleEndian.Uint32(rest))
		if length > maxRecord || length > len(rest)-frameHeader {
			return records, good
		}
		payload := rest[frameHeader : frameHeader+length]
		if checksum(payload) != binary.LittleEndian.Uint32(rest[4:]) {
			return records, good
		}
		r := &controlpb.UpdateRecord{}
		if err := proto.Unmarshal(payload, r); err != nil || r.Record == nil {
			return records, good
		}
		records = append(records, r)
		good += frameHeader + length
	}
	return records, good
}

// checksum asks for the table each time, which is cheap once it is made: making it when the program starts would
// cost every executor, which is the same program, what it never uses.
func checksum(payload []byte) uint32 {
	return crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli))
}

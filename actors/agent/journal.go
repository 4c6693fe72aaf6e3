package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"google.golang.org/protobuf/proto"
)

// A journal is a file of records in the order in which they were stored, each in a frame:
//
//	length  4 bytes, little endian, of the payload; the highest bit is set
//	crc     4 bytes, little endian, CRC-32C of the payload
//	check   4 bytes, little endian, CRC-32C of the eight bytes before
//	payload a message
//
// A task's updates and acknowledgements are one, of controlpb.UpdateRecord. What is known of an executor is
// another, of controlpb.ExecutorCheckpoint: all of it first, then what was learned later. Adding a line is much
// cheaper than replacing a file, and an executor is learned of twice more: when it runs, and when it subscribes.
//
// A crash may tear the last frame: its beginning is there. Reading stops before it, and nothing is lost, because nobody
// was told of a record whose write did not return. Anything else that does not fit is damage: bits have changed, and
// what was told may be lost. The check tells the two apart; the frames of the first agents have none, and their highest
// bit is not set.
const (
	frameHeader    = 12
	oldFrameHeader = 8
	checkedFrame   = 1 << 31
	// maxRecord bounds what a damaged length can ask for. A status carries at most one message of an executor.
	maxRecord = 64 << 20
)

// errTorn is why reading stops before the last write of a process that died.
var errTorn = errors.New("the last write was cut short")

// encodeRecord frames one record.
func encodeRecord(r proto.Message) ([]byte, error) { return encodeFrame(proto.MarshalOptions{}, r) }

func encodeFrame(o proto.MarshalOptions, r proto.Message) ([]byte, error) {
	frame, err := o.MarshalAppend(make([]byte, frameHeader), r)
	if err != nil {
		return nil, err
	}
	payload := frame[frameHeader:]
	binary.LittleEndian.PutUint32(frame, uint32(len(payload))|checkedFrame)
	binary.LittleEndian.PutUint32(frame[4:], checksum(payload))
	binary.LittleEndian.PutUint32(frame[8:], checksum(frame[:8]))
	return frame, nil
}

// walk reads frames until the end or the first that cannot be read. good is how many bytes were read; the error says why
// not all: errTorn, errNewer or errDamaged.
func walk(data []byte, each func(payload []byte) error) (good int, err error) {
	for good < len(data) {
		payload, size, err := frame(data[good:])
		if err != nil {
			return good, err
		}
		if err := each(payload); errors.Is(err, errNewer) {
			return good, err
		} else if err != nil {
			return good, fmt.Errorf("%w at byte %d: %w", errDamaged, good, err)
		}
		good += size
	}
	return good, nil
}

// frame reads the first one.
func frame(data []byte) (payload []byte, size int, err error) {
	if len(data) < 4 {
		return nil, 0, errTorn
	}
	length, header := binary.LittleEndian.Uint32(data), oldFrameHeader
	checked := length&checkedFrame != 0
	if checked {
		length, header = length&^checkedFrame, frameHeader
	}
	switch {
	case len(data) < header:
		return nil, 0, errTorn
	case checked && checksum(data[:8]) != binary.LittleEndian.Uint32(data[8:]) || length > maxRecord:
		return nil, 0, fmt.Errorf("%w: the length of a record does not fit", errDamaged)
	case int(length) > len(data)-header:
		return nil, 0, errTorn
	}
	payload = data[header : header+int(length)]
	if checksum(payload) != binary.LittleEndian.Uint32(data[4:]) {
		return nil, 0, fmt.Errorf("%w: the checksum of a record does not fit", errDamaged)
	}
	return payload, header + int(length), nil
}

// checksum asks for the table each time, which is cheap once it is made: making it when the program starts would
// cost every executor, which is the same program, what it never uses.
func checksum(payload []byte) uint32 {
	return crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli))
}

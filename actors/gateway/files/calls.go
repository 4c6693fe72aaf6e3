package files

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
)

// The calls of the operator API. Their errors are for WriteError.

// MasterList answers a master's LIST_FILES.
func (s *Service) MasterList(who authorization.Subject, c *masterpb.Call_ListFiles) (*masterpb.Response, error) {
	infos, err := s.List(who, c.GetPath())
	if err != nil {
		return nil, err
	}
	return &masterpb.Response{Type: masterpb.Response_LIST_FILES.Enum(), ListFiles: &masterpb.Response_ListFiles{FileInfos: infos}}, nil
}

// MasterRead answers a master's READ_FILE.
func (s *Service) MasterRead(who authorization.Subject, c *masterpb.Call_ReadFile) (*masterpb.Response, error) {
	data, size, err := s.Read(who, c.GetPath(), c.GetOffset(), c.Length)
	if err != nil {
		return nil, err
	}
	return &masterpb.Response{Type: masterpb.Response_READ_FILE.Enum(), ReadFile: &masterpb.Response_ReadFile{Size: proto.Uint64(size), Data: data}}, nil
}

// AgentList answers an agent's LIST_FILES.
func (s *Service) AgentList(who authorization.Subject, c *agentpb.Call_ListFiles) (*agentpb.Response, error) {
	infos, err := s.List(who, c.GetPath())
	if err != nil {
		return nil, err
	}
	return &agentpb.Response{Type: agentpb.Response_LIST_FILES.Enum(), ListFiles: &agentpb.Response_ListFiles{FileInfos: infos}}, nil
}

// AgentRead answers an agent's READ_FILE, and says which file that was: the same text for as long as it is the same
// file, under whatever name, and empty if it cannot be known.
func (s *Service) AgentRead(who authorization.Subject, c *agentpb.Call_ReadFile) (r *agentpb.Response, identity string, err error) {
	data, size, identity, err := s.piece(who, c.GetPath(), c.GetOffset(), c.Length)
	if err != nil {
		return nil, "", err
	}
	return &agentpb.Response{Type: agentpb.Response_READ_FILE.Enum(), ReadFile: &agentpb.Response_ReadFile{Size: proto.Uint64(size), Data: data}}, identity, nil
}

package agent_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/meseta-io/meseta/actors/gateway"
	agentdoor "github.com/meseta-io/meseta/actors/gateway/agent"
	"github.com/meseta-io/meseta/messages/wire"
	"github.com/meseta-io/meseta/testkit/lodge"
)

// FuzzCall sends anything to both doors of an agent. They answer with a status of theirs, and the agent lives on.
func FuzzCall(f *testing.F) {
	f.Add(true, wire.MediaJSON, []byte(`{"type":"GET_STATE"}`))
	f.Add(true, wire.MediaJSON, []byte(`{"type":"LIST_FILES","list_files":{"path":"/"}}`))
	f.Add(true, wire.MediaProtobuf, []byte{8, 9})
	f.Add(true, wire.MediaRecordIO, []byte("20\n{\"type\":\"GET_HEALTH\"}"))
	f.Add(false, wire.MediaJSON, []byte(`{"type":"UPDATE","executor_id":{"value":"e1"},"framework_id":{"value":"F1"},"update":{"status":{"task_id":{"value":"t1"},"state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","uuid":"AAAAAAAAQACAAAAAAAAAAA=="}}}`))
	f.Add(false, wire.MediaJSON, []byte(`{"type":"MESSAGE","executor_id":{"value":"e1"},"framework_id":{"value":"F1"},"message":{"data":""}}`))
	f.Add(false, wire.MediaProtobuf, []byte{10, 4, 10, 2, 'e', '1', 18, 4, 10, 2, 'F', '1', 24, 2})
	l := lodge.New(f, lodge.Options{})
	l.Run(lodge.Framework("F1"), lodge.Task("F1", "t1", "e1"))
	g, err := gateway.New(gateway.Default(), gateway.Parts{Runtime: l.Runtime, Delegate: l.Agent.UPID().ID, Agents: []agentdoor.Parts{{Agent: l.Agent}}})
	l.Must(err)
	f.Fuzz(func(t *testing.T, operator bool, media string, body []byte) {
		path := "/api/v1/executor"
		if operator {
			path = "/api/v1"
		}
		r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		r.Header.Set("Content-Type", media)
		r.Header.Set("Message-Content-Type", wire.MediaJSON)
		if media != wire.MediaRecordIO {
			r.Header.Del("Message-Content-Type")
		}
		if !operator {
			r.Header.Set("Accept", "text/html") // a SUBSCRIBE would stay for good
		}
		w := httptest.NewRecorder()
		g.Handler().ServeHTTP(w, r)
		switch w.Code {
		case 200, 202, 400, 403, 404, 406, 413, 415, 501:
		default:
			t.Errorf("answered %d %q", w.Code, w.Body)
		}
		if v := l.Agent.View(); !v.Registered {
			t.Error("the agent is gone")
		}
	})
}

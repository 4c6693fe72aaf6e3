package main_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// SIGHUP brings new secrets, rights and rates into a master that works, and what is broken changes nothing and is named.
func TestHangUp(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"known": "ops first", "acls": "{}", "rates": "{}"})
	master := start(t, dir, "master", "--ip=127.0.0.1", "--port=0", "--work_dir=M", "--credentials=known", "--acls=acls", "--rate_limits=rates", "--authenticate_http_readonly")
	at := master.sees(master.out, `listening on (\S+),`)
	ask := func(secret string) int {
		r, err := http.NewRequest(http.MethodGet, "http://"+at+"/flags", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("ops", secret)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if one, two := ask("first"), ask("second"); one != 200 || two != 401 {
		t.Fatalf("at first %d and %d", one, two)
	}
	write(t, dir, map[string]string{"known": "ops second", "acls": `{"view_flags": [{"principals": {"values": ["ops"]}, "flags": {"type": "NONE"}}]}`, "rates": "broken"})
	master.signal(syscall.SIGHUP)
	master.sees(master.err, `the old ones stay.*what=rate_limits`)
	if one, two := ask("first"), ask("second"); one != 401 || two != 403 {
		t.Errorf("with a new secret and without the right: %d and %d", one, two)
	}
	write(t, dir, map[string]string{"known": "ops first and more", "acls": "{"})
	master.signal(syscall.SIGHUP)
	master.sees(master.err, `the old ones stay.*what=acls`)
	if one, two := ask("first"), ask("second"); one != 401 || two != 403 {
		t.Errorf("with files that are broken: %d and %d", one, two)
	}
}

// New rates count at once.
func TestHangUpBringsNewRates(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"known": "ops first", "rates": "{}"})
	master := start(t, dir, "master", "--ip=127.0.0.1", "--port=0", "--work_dir=M", "--credentials=known", "--rate_limits=rates", "--authenticate_http_frameworks",
		"--http_framework_authenticators=basic")
	at := master.sees(master.out, `listening on (\S+),`)
	ask := func(body string, header ...string) *http.Response {
		r, err := http.NewRequest(http.MethodPost, "http://"+at+"/api/v1/scheduler", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("ops", "first")
		r.Header.Set("Content-Type", wire.MediaJSON)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		answer, err := walker.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	// flood subscribes and calls five times, and says whether that was too much.
	flood := func() (limited bool) {
		var answer *http.Response
		await(t, "the master has recovered", func() bool {
			answer = ask(`{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"flood","principal":"ops","roles":["r"],"capabilities":[{"type":"MULTI_ROLE"}]}}}`)
			return answer.StatusCode != http.StatusServiceUnavailable
		})
		events := wire.NewRecordReader(answer.Body, wire.Limits{})
		hello := &schedulerpb.Event{}
		if record, err := events.Next(); err != nil || wire.DecodeJSON(record, hello, wire.Limits{}) != nil || hello.GetType() != schedulerpb.Event_SUBSCRIBED {
			t.Fatalf("%s, %v", record, err)
		}
		id := hello.GetSubscribed().GetFrameworkId().GetValue()
		for range 5 {
			revive := ask(`{"type":"REVIVE","framework_id":{"value":"`+id+`"}}`, "Mesos-Stream-Id", answer.Header.Get("Mesos-Stream-Id"))
			limited = limited || revive.StatusCode == http.StatusTooManyRequests
		}
		return limited
	}
	if flood() {
		t.Fatal("a framework is limited without limits")
	}
	write(t, dir, map[string]string{"rates": `{"limits": [{"principal": "ops", "qps": 0.01, "capacity": 1}]}`})
	master.signal(syscall.SIGHUP)
	master.sees(master.err, `what=rate_limits`)
	if !flood() {
		t.Error("new limits do not count")
	}
}

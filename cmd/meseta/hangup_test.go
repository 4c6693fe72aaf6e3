package main_test

import (
	"net/http"
	"syscall"
	"testing"
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

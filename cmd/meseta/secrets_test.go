package main_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// What nobody may ever read in an answer, an event or a log.
const (
	passwordOfOps   = "canary-of-the-operator"
	passwordOfAgent = "canary-of-the-agent"
	passwordOfGuest = "canary-of-a-guest"
	keyOfTokens     = "canary-of-the-key-that-signs-tokens"
	secretOfTask    = "canary-of-a-task"
	mistyped        = "canary-that-is-no-password"
)

// vault is a cluster in which everybody has to prove who he is, with a scheduler that the test speaks for.
type vault struct {
	*testing.T
	*testCluster
	events *wire.RecordReader
	stream string
	names  *strings.Replacer // of ids
	said   strings.Builder   // what the scheduler was told
}

// newVault starts both. The flags in more are the master's.
func newVault(t *testing.T, more ...string) *vault {
	v := &vault{T: t, testCluster: &testCluster{t: t, dir: t.TempDir()}}
	t.Cleanup(v.clean)
	write(t, v.dir, map[string]string{
		"known.json": `{"credentials": [{"principal": "ops", "secret": "` + passwordOfOps + `"}, {"principal": "agent", "secret": "` + passwordOfAgent + `"},
			{"principal": "guest", "secret": "` + passwordOfGuest + `"}]}`,
		"agent.json": `{"principal": "agent", "secret": "` + passwordOfAgent + `"}`,
		"key":        keyOfTokens,
	})
	known := filepath.Join(v.dir, "known.json")
	v.startMaster("0", append(more, "--logging_level=DEBUG", "--log_dir=LM", "--credentials="+known, "--authenticate_agents", "--authenticate_http_readonly",
		"--authenticate_http_readwrite", "--authenticate_http_frameworks", "--http_framework_authenticators=basic")...)
	// It listens before it leads, and says 503 so long.
	await(t, "the master leads", func() bool {
		code, _ := v.read("GET", v.at+"/state", "")
		return code == http.StatusOK
	})
	v.startAgent("0", "--logging_level=DEBUG", "--log_dir=LA", "--credential="+filepath.Join(v.dir, "agent.json"), "--http_credentials="+known,
		"--authenticate_http_readonly", "--authenticate_http_readwrite", "--authenticate_http_executors", "--jwt_secret_key="+filepath.Join(v.dir, "key"), "--launcher=posix") // with which secrets of tasks are refused
	return v
}

// basic is the operator's header.
func basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("ops:"+passwordOfOps))
}

// send asks for something, as the operator if nobody else is named.
func (v *vault) send(method, url, body string, header ...string) *http.Response {
	v.Helper()
	r, err := http.NewRequest(method, "http://"+url, strings.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Authorization", basic())
	if body != "" {
		r.Header.Set("Content-Type", wire.MediaJSON)
	}
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	answer, err := walker.RoundTrip(r)
	if err != nil {
		v.Fatal(err)
	}
	return answer
}

// read is the same for answers that end.
func (v *vault) read(method, url, body string, header ...string) (int, string) {
	v.Helper()
	answer := v.send(method, url, body, header...)
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		v.Fatal(err)
	}
	return answer.StatusCode, string(all)
}

// subscribe registers a framework, and waits for an offer.
func (v *vault) subscribe() {
	v.Helper()
	var answer *http.Response
	await(v.T, "the master has recovered", func() bool {
		answer = v.send("POST", v.at+"/api/v1/scheduler", `{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"vault","principal":"ops","roles":["dev"],`+
			`"capabilities":[{"type":"MULTI_ROLE"},{"type":"PARTITION_AWARE"}]}}}`)
		v.Cleanup(func() { answer.Body.Close() })
		return answer.StatusCode != http.StatusServiceUnavailable
	})
	if answer.StatusCode != http.StatusOK {
		v.Fatalf("the subscription is answered %s", answer.Status)
	}
	v.stream, v.events = answer.Header.Get("Mesos-Stream-Id"), wire.NewRecordReader(answer.Body, wire.Limits{})
	offer := v.event(schedulerpb.Event_OFFERS).GetOffers().GetOffers()[0]
	v.names = strings.NewReplacer("${agent}", offer.GetAgentId().GetValue(), "${framework}", offer.GetFrameworkId().GetValue(), "${offer}", offer.GetId().GetValue())
}

// event waits for one of a type.
func (v *vault) event(t schedulerpb.Event_Type) *schedulerpb.Event {
	v.Helper()
	for {
		record, err := v.events.Next()
		if err != nil {
			v.Fatal(err)
		}
		v.said.Write(record)
		e := &schedulerpb.Event{}
		if err := wire.DecodeJSON(record, e, wire.Limits{}); err != nil {
			v.Fatal(err)
		}
		if e.GetType() == t {
			return e
		}
	}
}

// call says something as the scheduler.
func (v *vault) call(text string) {
	v.Helper()
	if code, body := v.read("POST", v.at+"/api/v1/scheduler", v.names.Replace(text), "Mesos-Stream-Id", v.stream); code != http.StatusAccepted {
		v.Fatalf("%s is answered %d %s", text, code, body)
	}
}

// launch has two tasks run, one with an executor of the machine's and one whose executor is the test, and one refused that
// brings a secret.
func (v *vault) launch() {
	v.Helper()
	v.call(`{"type":"ACCEPT",` + needs + `,"accept":{"offer_ids":[{"value":"${offer}"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":[` +
		`{"name":"shell","task_id":{"value":"t1"},` + taskInfo + `,"command":{"value":"env; exec sleep 1000"}},` +
		`{"name":"custom","task_id":{"value":"t2"},` + taskInfo + `,"executor":{"type":"CUSTOM","executor_id":{"value":"e2"},"command":{"value":"exec sleep 1000"}}},` +
		`{"name":"secret","task_id":{"value":"t3"},` + taskInfo + `,"command":{"value":"true","environment":{"variables":[{"name":"S","type":"SECRET","secret":{"type":"VALUE","value":{"data":"` +
		base64.StdEncoding.EncodeToString([]byte(secretOfTask)) + `"}}}]}}}]}}]}}`)
	states := map[string]string{}
	for states["t1"] != "TASK_RUNNING" || states["t3"] != "TASK_ERROR" {
		u := v.event(schedulerpb.Event_UPDATE).GetUpdate().GetStatus()
		states[u.GetTaskId().GetValue()] = u.GetState().String()
		if states["t1"] == "TASK_FAILED" {
			v.Fatalf("the command executor could not prove itself: %v", u)
		}
		if len(u.GetUuid()) > 0 {
			v.call(fmt.Sprintf(`{"type":"ACKNOWLEDGE",%s,"acknowledge":{"agent_id":{"value":"${agent}"},"task_id":{"value":%q},"uuid":%q}}`, needs,
				u.GetTaskId().GetValue(), base64.StdEncoding.EncodeToString(u.GetUuid())))
		}
	}
}

// token is what the agent gave an executor, as its process has it.
func (v *vault) token(executor string) (token string) {
	v.Helper()
	await(v.T, "the token of "+executor, func() bool {
		found, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is right
		for _, file := range found {
			env, err := os.ReadFile(file)
			if err != nil || !bytes.Contains(env, []byte(v.dir)) || !bytes.Contains(env, []byte("MESOS_EXECUTOR_ID="+executor+"\x00")) {
				continue
			}
			if _, rest, has := strings.Cut(string(env), "MESOS_EXECUTOR_AUTHENTICATION_TOKEN="); has {
				token, _, _ = strings.Cut(rest, "\x00")
				return true
			}
		}
		return false
	})
	return token
}

// An executor comes in with the token that its agent gave it, and with nothing else; and nobody ever reads a secret.
func TestSecretsStaySecret(t *testing.T) {
	v := newVault(t)
	watched := v.watch()
	v.subscribe()
	v.launch()
	own, other := v.token("e2"), v.token("t1")
	hello := v.names.Replace(`{"type":"SUBSCRIBE",` + needs + `,"executor_id":{"value":"e2"},"subscribe":{}}`)
	for _, c := range []struct {
		who, header string
		code        int
	}{
		{"nobody", "", 401}, {"an operator", basic(), 401}, {"a forger", "Bearer " + own[:len(own)-3] + "AAA", 401}, {"another executor", "Bearer " + other, 403},
	} {
		if code, body := v.read("POST", v.agentAt+"/api/v1/executor", hello, "Authorization", c.header); code != c.code {
			t.Errorf("%s is answered %d %s, want %d", c.who, code, body, c.code)
		}
	}
	answer := v.send("POST", v.agentAt+"/api/v1/executor", hello, "Authorization", "Bearer "+own)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the executor is answered %s", answer.Status)
	}
	orders := wire.NewRecordReader(answer.Body, wire.Limits{})
	heard := map[string]string{"the scheduler's events": v.said.String()}
	for range 2 {
		record, err := orders.Next()
		if err != nil {
			t.Fatal(err)
		}
		heard["the executor's events"] += string(record)
	}
	if !strings.Contains(heard["the executor's events"], `"t2"`) {
		t.Errorf("the executor hears %s", heard["the executor's events"])
	}
	v.change(heard)
	for name, told := range watched {
		await(t, name+" tell of the tasks", func() bool { return strings.Contains(told.String(), "t2") })
		heard[name] = told.String()
	}
	v.listen(heard)
	secrets := []string{passwordOfOps, passwordOfAgent, passwordOfGuest, keyOfTokens, secretOfTask, mistyped, own, other, base64.StdEncoding.EncodeToString([]byte(secretOfTask)), basic()}
	for _, place := range slices.Sorted(maps.Keys(heard)) {
		for _, s := range secrets {
			if strings.Contains(heard[place], s) {
				t.Errorf("%s tells %q", place, s)
			}
		}
	}
	v.disks(secrets)
}

// watch collects what operators who watch the master are told, in both languages.
func (v *vault) watch() map[string]*stream {
	v.Helper()
	told := map[string]*stream{}
	for _, f := range []wire.Format{wire.JSON, wire.Protobuf} {
		answer := v.send("POST", v.at+"/api/v1", `{"type":"SUBSCRIBE"}`, "Accept", f.MediaType())
		if answer.StatusCode != http.StatusOK {
			v.Fatalf("who watches is answered %s", answer.Status)
		}
		v.Cleanup(func() { answer.Body.Close() })
		s := newStream()
		go func() { _, _ = io.Copy(s, answer.Body) }() // ends with the test
		told["events for operators in "+f.String()] = s
	}
	return told
}

// change collects the answers of every call that changes something: to an empty one, to a body with a secret in it that is not
// understood, and to somebody who mistyped his password; and of some that succeed.
func (v *vault) change(heard map[string]string) {
	v.Helper()
	ask := func(at, body string, header ...string) {
		code, answer := v.read("POST", at, v.names.Replace(body), header...)
		heard[fmt.Sprintf("POST %s of %.80s, answered %d", at, body, code)] = answer
	}
	wrong := "Basic " + base64.StdEncoding.EncodeToString([]byte("ops:"+mistyped))
	hidden := base64.StdEncoding.EncodeToString([]byte(secretOfTask))
	for at, kinds := range map[string]map[int32]string{v.at + "/api/v1": masterpb.Call_Type_name, v.agentAt + "/api/v1": agentpb.Call_Type_name,
		v.at + "/api/v1/scheduler": schedulerpb.Call_Type_name} {
		for _, kind := range kinds {
			if kind == "SUBSCRIBE" || strings.HasPrefix(kind, "GET_") {
				continue
			}
			ask(at, `{"type":"`+kind+`"}`)
			ask(at, `{"type":"`+kind+`","`+strings.ToLower(kind)+`":"`+secretOfTask+`"}`)
			ask(at, `{"type":"`+kind+`","`+strings.ToLower(kind)+`":{"command":{"environment":{"variables":[{"name":"S","type":"SECRET","secret":{"type":"VALUE","value":{"data":"`+hidden+`"}}}]}}}}`)
			ask(at, `{"type":"`+kind+`"}`, "Authorization", wrong)
		}
		ask(at, `{"type":`+secretOfTask)
		ask(at, secretOfTask)
		ask(at, `{"type":"`+secretOfTask+`"}`)
	}
	for _, body := range []string{
		`{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"dev","weight":2}]}}`,
		`{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":3,"duration":{"nanoseconds":60000000000}}}`,
		`{"type":"UPDATE_QUOTA","update_quota":{"quota_configs":[{"role":"other","limits":{"cpus":{"value":1}}}]}}`,
		`{"type":"DEACTIVATE_AGENT","deactivate_agent":{"agent_id":{"value":"${agent}"}}}`,
		`{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"${agent}"}}}`,
	} {
		if code, answer := v.read("POST", v.at+"/api/v1", v.names.Replace(body)); code != http.StatusOK {
			v.Errorf("%s is answered %d %s", body, code, answer)
		} else {
			heard[body] = answer
		}
	}
}

// disks looks for files with a secret in them that others than their owner may read. The test's own are not among them.
func (v *vault) disks(secrets []string) {
	v.Helper()
	looked := 0
	err := filepath.WalkDir(v.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Dir(name) == v.dir {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Mode()&0o077 == 0 {
			return err
		}
		text, err := os.ReadFile(name)
		looked++
		for _, s := range secrets {
			if strings.Contains(string(text), s) {
				v.Errorf("%s, which others may read (%v), has %q", name, info.Mode(), s)
			}
		}
		return err
	})
	if err != nil || looked == 0 {
		v.Errorf("%d files were looked at: %v", looked, err)
	}
}

// listen collects everything that both nodes tell: every endpoint, every call of the operators' APIs, the log.
func (v *vault) listen(heard map[string]string) {
	v.Helper()
	answered := 0
	for at, kinds := range map[string]map[int32]string{v.at: masterpb.Call_Type_name, v.agentAt: agentpb.Call_Type_name} {
		_, page := v.read("GET", at+"/help", "")
		for _, r := range regexp.MustCompile(`<dt><a href="[^"]*">([^<]*)</a>`).FindAllStringSubmatch(page, -1) {
			code, body := v.read("GET", at+r[1], "")
			if heard["GET "+at+r[1]] = body; code == http.StatusOK {
				answered++
			}
		}
		for _, kind := range kinds {
			if kind == "SUBSCRIBE" {
				continue // begins with GET_STATE, and does not end
			}
			if !strings.HasPrefix(kind, "GET_") {
				continue // changes something
			}
			for _, f := range []wire.Format{wire.JSON, wire.Protobuf} {
				code, body := v.read("POST", at+"/api/v1", `{"type":"`+kind+`","get_metrics":{}}`, "Accept", f.MediaType())
				if heard[kind+" of "+at+" in "+f.String()] = body; code == http.StatusOK {
					answered++
				}
			}
		}
	}
	if answered < 60 {
		v.Errorf("only %d answers were heard", answered)
	}
	for name, p := range map[string]*program{"master": v.master, "agent": v.agent} {
		heard["what the "+name+" prints"] = p.out.String() + p.err.String()
	}
	for _, pattern := range []string{"LM/*", "LA/*", "A/slaves/*/frameworks/*/executors/*/runs/*/std*"} {
		files, err := filepath.Glob(filepath.Join(v.dir, pattern))
		if err != nil || len(files) == 0 {
			v.Errorf("nothing in %s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				v.Fatal(err)
			}
			heard[file] = string(text)
		}
	}
}

// guest is the header of somebody who may see little.
func guest() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("guest:"+passwordOfGuest))
}

// The old endpoints show to each only what he may see.
func TestOldEndpointsAreFiltered(t *testing.T) {
	only := func(objects string) string {
		return `[{"principals":{"values":["ops"]},"` + objects + `":{"type":"ANY"}},{"principals":{"type":"ANY"},"` + objects + `":{"type":"NONE"}}]`
	}
	v := newVault(t, `--acls={"view_frameworks":`+only("users")+`,"view_tasks":`+only("users")+`,"view_executors":`+only("users")+`,"view_roles":`+only("roles")+`}`)
	v.subscribe()
	v.launch()
	id := v.names.Replace("${framework}")
	for path, hidden := range map[string][]string{
		"/state": {id, `"t1"`, `"e2"`}, "/state-summary": {id, `"vault"`}, "/frameworks": {id, `"t1"`}, "/tasks": {id, `"t1"`}, "/roles": {`"dev"`, id},
	} {
		t.Run(path[1:], func(t *testing.T) {
			for who, header := range map[string]string{"ops": basic(), "guest": guest()} {
				code, body := v.read("GET", v.at+"/master"+path, "", "Authorization", header)
				if code != http.StatusOK {
					t.Errorf("%s is answered %d %s", who, code, body)
				}
				for _, h := range hidden {
					if sees := strings.Contains(body, h); sees != (who == "ops") {
						t.Errorf("%s sees %s: %v, in %.2000s", who, h, sees, body)
					}
				}
			}
		})
	}
}

// Where an agent knows several ways to prove who one is, they are tried in their order: each lets in whom it knows, what one refuses
// another may take, and who fails at all of them hears of all, in that order.
func TestAuthenticatorsInOrder(t *testing.T) {
	v := newVault(t)
	v.subscribe()
	v.launch()
	token := v.token("e2")
	for _, order := range []string{"basic,jwt", "jwt,basic"} {
		t.Run(order, func(t *testing.T) {
			known := filepath.Join(v.dir, "known.json")
			a := start(t, v.dir, "agent", "--master="+v.at, "--ip=127.0.0.1", "--port=0", "--work_dir=B"+order[:1], "--credential="+filepath.Join(v.dir, "agent.json"),
				"--http_credentials="+known, "--authenticate_http_readonly", "--authenticate_http_readwrite", "--authenticate_http_executors",
				"--jwt_secret_key="+filepath.Join(v.dir, "key"), "--http_authenticators="+order)
			at := a.sees(a.out, `listening on (\S+),`)
			for _, c := range []struct {
				who, header string
				code        int
			}{
				{"an operator", basic(), 200}, {"an executor, whom nothing lets see flags", "Bearer " + token, 403}, {"a forger", "Bearer " + token[:len(token)-3] + "AAA", 401},
				{"who mistypes", "Basic " + base64.StdEncoding.EncodeToString([]byte("ops:"+mistyped)), 401}, {"nobody", "", 401}, {"who says nonsense", "Digest x", 401},
			} {
				answer := v.send("GET", at+"/flags", "", "Authorization", c.header)
				answer.Body.Close()
				if answer.StatusCode != c.code {
					t.Errorf("%s is answered %s, want %d", c.who, answer.Status, c.code)
				}
				if c.code != http.StatusUnauthorized {
					continue
				}
				all := answer.Header.Get("WWW-Authenticate")
				basicAt, bearerAt := strings.Index(all, "Basic realm="), strings.Index(all, "Bearer realm=")
				if basicAt < 0 || bearerAt < 0 || (basicAt < bearerAt) != (order == "basic,jwt") {
					t.Errorf("%s is challenged with %s", c.who, all)
				}
			}
		})
	}
}

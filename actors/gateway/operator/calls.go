package operator

import (
	"net/http"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/wire"
)

type serving func(d *door, w *web.Writer, r *web.Request, f wire.Format, call *masterpb.Call)

// Way is how a call is answered.
type Way struct {
	// Missing is what this build has not got that the call is about; such a call is answered 501. Empty: it works.
	Missing string
	serve   serving
}

// Calls says of every call of the API how it is answered; docs/compatibility.md says the same.
var Calls = map[masterpb.Call_Type]Way{
	masterpb.Call_UNKNOWN: {Missing: "a call without a type"},

	masterpb.Call_GET_HEALTH:        {serve: ask},
	masterpb.Call_GET_FLAGS:         {serve: getFlags},
	masterpb.Call_GET_VERSION:       {serve: getVersion},
	masterpb.Call_GET_METRICS:       {serve: getMetrics},
	masterpb.Call_GET_LOGGING_LEVEL: {serve: getLogging},
	masterpb.Call_SET_LOGGING_LEVEL: {serve: setLogging},
	masterpb.Call_LIST_FILES:        {serve: listFiles},
	masterpb.Call_READ_FILE:         {serve: readFile},

	masterpb.Call_GET_STATE:      {serve: lists},
	masterpb.Call_GET_AGENTS:     {serve: lists},
	masterpb.Call_GET_FRAMEWORKS: {serve: lists},
	masterpb.Call_GET_EXECUTORS:  {serve: lists},
	masterpb.Call_GET_TASKS:      {serve: lists},
	masterpb.Call_GET_OPERATIONS: {serve: ask},
	masterpb.Call_GET_ROLES:      {serve: ask},
	masterpb.Call_GET_MASTER:     {serve: ask},
	masterpb.Call_SUBSCRIBE:      {serve: subscribe},

	masterpb.Call_GET_WEIGHTS:    {serve: ask},
	masterpb.Call_UPDATE_WEIGHTS: {serve: change(http.StatusOK)},
	masterpb.Call_GET_QUOTA:      {serve: ask},
	masterpb.Call_UPDATE_QUOTA:   {serve: change(http.StatusOK)},
	masterpb.Call_SET_QUOTA:      {serve: change(http.StatusOK)},
	masterpb.Call_REMOVE_QUOTA:   {serve: change(http.StatusOK)},

	masterpb.Call_RESERVE_RESOURCES:   {serve: change(http.StatusAccepted)},
	masterpb.Call_UNRESERVE_RESOURCES: {serve: change(http.StatusAccepted)},
	masterpb.Call_CREATE_VOLUMES:      {serve: change(http.StatusAccepted)},
	masterpb.Call_DESTROY_VOLUMES:     {serve: change(http.StatusAccepted)},
	masterpb.Call_GROW_VOLUME:         {serve: change(http.StatusAccepted)},
	masterpb.Call_SHRINK_VOLUME:       {serve: change(http.StatusAccepted)},

	masterpb.Call_GET_MAINTENANCE_STATUS:      {serve: ask},
	masterpb.Call_GET_MAINTENANCE_SCHEDULE:    {serve: ask},
	masterpb.Call_UPDATE_MAINTENANCE_SCHEDULE: {serve: change(http.StatusOK)},
	masterpb.Call_START_MAINTENANCE:           {serve: change(http.StatusOK)},
	masterpb.Call_STOP_MAINTENANCE:            {serve: change(http.StatusOK)},

	masterpb.Call_DRAIN_AGENT:      {serve: change(http.StatusOK)},
	masterpb.Call_DEACTIVATE_AGENT: {serve: change(http.StatusOK)},
	masterpb.Call_REACTIVATE_AGENT: {serve: change(http.StatusOK)},
	masterpb.Call_TEARDOWN:         {serve: change(http.StatusOK)},
	masterpb.Call_MARK_AGENT_GONE:  {serve: change(http.StatusOK)},
}

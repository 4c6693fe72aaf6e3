"use strict";

// Runs tasks with the npm package mesos-framework, which nobody of us wrote, and ends with 0 when all have finished:
//
//     node driver.js <master's host:port> <number of tasks> <shell command>

const { Scheduler, Mesos } = require("mesos-framework");
const mesos = Mesos.getMesos();

const [address, count, command] = process.argv.slice(2);
const [host, port] = address.split(":");
const want = Number(count);

function fail(why) {
    console.error("driver: " + why);
    process.exit(1);
}

const scheduler = new Scheduler({
    masterUrl: host,
    port: port,
    frameworkName: "npm mesos-framework",
    frameworkFailoverTimeout: 60,
    masterConnectionTimeout: 60, // the default is shorter than the time between two heartbeats
    logging: { level: "warn" },
    tasks: {
        hello: {
            priority: 1,
            instances: want,
            commandInfo: new mesos.CommandInfo(null, null, true, command, null, null),
            resources: { cpus: 0.2, mem: 32, ports: 1, disk: 0 }
        }
    }
});

const finished = new Set();
let over = false; // the stream ends with the framework

scheduler.on("ready", () => scheduler.subscribe());
scheduler.on("subscribed", (s) => console.log("subscribed as " + s.frameworkId + " on stream " + s.mesosStreamId));
scheduler.on("heartbeat", () => console.log("heartbeat"));
scheduler.on("offers", (o) => console.log(o.offers.length + " offers"));
scheduler.on("update", (u) => {
    const s = u.status;
    console.log(s.task_id.value + " is " + s.state);
    if (["TASK_FAILED", "TASK_ERROR", "TASK_LOST", "TASK_KILLED", "TASK_DROPPED", "TASK_GONE"].includes(s.state)) {
        fail("a task is " + s.state + ": " + s.message);
    }
    if (s.state === "TASK_FINISHED") {
        finished.add(s.task_id.value);
    }
    if (finished.size === want && !over) {
        over = true;
        scheduler.teardown();
    }
});
scheduler.on("sent_teardown", () => {
    console.log("all " + want + " tasks finished");
    process.exit(0);
});
scheduler.on("error", (e) => {
    if (!over) {
        fail(e.stack || e.message || String(e));
    }
});

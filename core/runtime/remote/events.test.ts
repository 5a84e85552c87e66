import assert from "node:assert/strict";
import { test } from "node:test";
import { silent } from "@capstan/base/log";
import { RuntimeError } from "../cri.ts";
import type { Connection } from "./connection.ts";
import { type EventHandlers, followEvents } from "./events.ts";

/** A runtime whose streams do as a test says. */
function connectionOf(stream: (method: string, signal: AbortSignal) => AsyncIterable<object>): Connection {
  return {
    socket: "/none",
    call: async () => ({}),
    stream: (method, _request, signal) => stream(method, signal),
    close: () => {},
  };
}

function handlersOf(handlers: Partial<EventHandlers>): EventHandlers {
  const nothing = () => {};
  const all = async () => {};
  return { changed: nothing, ending: nothing, all, images: nothing, command: nothing, commands: nothing, ...handlers };
}

// biome-ignore lint/correctness/useYield: a runtime without this stream
async function* absent(): AsyncIterable<object> {
  throw new RuntimeError("Unsupported", "unknown method");
}

test("a runtime that tells of nothing is asked for all, again and again", async () => {
  const stop = new AbortController();
  let asked = 0;
  const all = async () => {
    asked += 1;
    // At the start, once more when subscriptions stand, and then in turns.
    if (asked === 4) stop.abort();
  };
  await followEvents(connectionOf(absent), handlersOf({ all }), silent, stop.signal);
  assert.equal(asked, 4);
});

test("CRI's events name the container and its sandbox; a stream that breaks is opened again, and all is asked for", async () => {
  const stop = new AbortController();
  const changed = new Set<string>();
  let opened = 0;
  let asked = 0;
  async function* events(): AsyncIterable<object> {
    opened += 1;
    yield { containerId: "c", podSandboxStatus: { id: "p" }, containersStatuses: [{ id: "c" }, { id: "d" }] };
    if (opened === 2) stop.abort();
    throw new RuntimeError("Failed", "broken");
  }
  const connection = connectionOf((method) => (method.endsWith("GetContainerEvents") ? events() : absent()));
  const all = async () => {
    asked += 1;
  };
  await followEvents(connection, handlersOf({ changed: (id) => changed.add(id), all }), silent, stop.signal);
  assert.deepEqual([...changed].sort(), ["c", "d", "p"]);
  assert.ok(opened === 2 && asked >= 2);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Services } from "@capstan/api/generated/resources";
import { silent } from "@capstan/base/log";
import { createClient } from "@capstan/core/client";
import { createMemoryStore } from "@capstan/core/store";
import { createApiServer } from "./index.ts";

const principal = { name: "admin", groups: ["system:masters"] };

test("Services get addresses of the range that the server starts with, and keep those that it holds", async () => {
  await using store = createMemoryStore();
  const start = async (serviceCidr: string) => {
    const server = createApiServer({ store, log: silent, serviceCidr, advertise: { address: "127.0.0.1", port: 1 } });
    const stop = new AbortController();
    const running = server.start(stop.signal);
    await server.ready;
    const client = createClient(server.handler, { principal, userAgent: "test" });
    return {
      client,
      addressOf: async (name: string) =>
        (await client.get(Services, { namespace: "default", name })).spec?.clusterIPs?.join(),
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await running;
      },
    };
  };
  let web: string | undefined;
  {
    await using first = await start("10.96.0.0/17");
    const service = (name: string, clusterIP?: string) => ({
      metadata: { namespace: "default", name },
      spec: { ports: [{ port: 80 }], ...(clusterIP ? { clusterIP } : {}) },
    });
    await first.client.create(Services, service("web"));
    await first.client.create(Services, service("headless", "None"));
    web = await first.addressOf("web");
    assert.match(String(web), /^10\.96\./);
  }
  {
    await using again = await start("10.96.0.0/17");
    assert.equal(await again.addressOf("web"), web);
  }
  await using moved = await start("10.97.0.0/17");
  assert.equal(await moved.addressOf("kubernetes"), "10.97.0.1");
  assert.match(String(await moved.addressOf("web")), /^10\.97\./);
  assert.equal(await moved.addressOf("headless"), "None");
});

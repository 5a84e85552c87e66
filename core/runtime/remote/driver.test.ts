import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "@capstan/base/log";
import { containerdMissing, startContainerd } from "@capstan/testing/containerd";
import { testRuntime } from "@capstan/testing/contracts";
import { createRemoteRuntime } from "./remote.ts";

const network = {
  podCidr: "10.31.0.0/22",
  serviceCidr: "10.31.4.0/22",
  dnsIp: "10.31.4.10",
  apiServiceIp: "10.31.4.1",
};

testRuntime(
  "containerd",
  async () => {
    const containerd = await startContainerd();
    const dataDir = mkdtempSync(join(tmpdir(), "capstan-remote-"));
    const stops: (() => Promise<void>)[] = [];
    const open = async () => {
      const stop = new AbortController();
      const { endpoint } = containerd;
      const { runtime, images, ready, start } = createRemoteRuntime({ dataDir, network, endpoint, log: silent });
      const running = start(stop.signal);
      stops.push(() => {
        stop.abort();
        return running;
      });
      await Promise.race([ready, running]);
      return { runtime, images };
    };
    const shell = (script: string) => ["sh", "-c", script];
    return {
      ...(await open()),
      image: containerd.pullable,
      missing: containerd.missing,
      commands: {
        exits: (code, text) => shell(`printf '${text.replace("\n", "\\n")}'; exit ${code}`),
        stays: () => shell("trap '' TERM; while :; do sleep 1000; done"),
        heeds: () => shell("trap 'exit 143' TERM; touch /tmp/heeds; while :; do sleep 1000 & wait; done"),
        echoes: () => ["cat"],
        shell,
        serves: (port) => shell(`echo up; nc -l -p ${port} 127.0.0.1 -e cat`),
      },
      // The first one's process lives on, but it does nothing that nobody asks it for.
      reopen: open,
      async close() {
        for (const stop of stops.reverse()) await stop();
        await containerd[Symbol.asyncDispose]();
        rmSync(dataDir, { recursive: true, force: true });
      },
    };
  },
  containerdMissing(),
);

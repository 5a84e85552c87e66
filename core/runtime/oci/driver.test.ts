import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "@capstan/base/log";
import { type RuntimeDriver, testRuntime } from "@capstan/testing/contracts";
import { programsMissing } from "@capstan/testing/programs";
import { allocateInstanceNetwork } from "../network/instance.ts";
import { canBridge, createRuntime } from "../runtime.ts";

const missing = canBridge() ? undefined : "networks of their own need root and the program ip";

const server = (port: number) => `
  use IO::Socket::INET; $| = 1;
  my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => ${port}, Listen => 5) or die $!;
  print "up\\n"; my $peer = $listener->accept; my $all = join("", <$peer>); print $peer $all; close $peer;
`;

const shell = (script: string) => ["sh", "-c", script];

async function open(launcher: "runc" | "unshare"): Promise<RuntimeDriver> {
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-oci-"));
  const network = allocateInstanceNetwork(dataDir, { bridged: true });
  const begin = async () => {
    const stop = new AbortController();
    const runtime = createRuntime({ dataDir, network, launcher, log: silent });
    const running = runtime.start(stop.signal);
    await runtime.ready;
    return { ...runtime, stop, running };
  };
  let now = await begin();
  return {
    runtime: now.runtime,
    images: now.images,
    image: "capstan/host",
    missing: "registry.example/none:1",
    commands: {
      exits: (code, text) => shell(`printf '${text.replace("\n", "\\n")}'; exit ${code}`),
      stays: () => ["sleep", "1000"],
      heeds: () => shell("trap 'exit 143' TERM; touch /tmp/heeds; while :; do sleep 0.02; done"),
      echoes: () => ["cat"],
      shell,
      serves: (port) => ["perl", "-e", server(port)],
    },
    withoutFilters: launcher === "unshare",
    async reopen() {
      now.detach?.();
      await now.running;
      now = await begin();
      return now;
    },
    async close() {
      now.stop.abort();
      await now.running;
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

testRuntime("oci with unshare", () => open("unshare"), missing);
testRuntime("oci with runc", () => open("runc"), missing ?? (programsMissing("runc") || undefined));

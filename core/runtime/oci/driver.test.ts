import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "@capstan/base/log";
import { testRuntime } from "@capstan/testing/contracts";
import { allocateInstanceNetwork } from "../network/instance.ts";
import { canBridge, createRuntime } from "../runtime.ts";

const missing = canBridge() ? undefined : "networks of their own need root and the program ip";

const server = (port: number) => `
  use IO::Socket::INET; $| = 1;
  my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => ${port}, Listen => 5) or die $!;
  print "up\n"; my $peer = $listener->accept; my $all = join("", <$peer>); print $peer $all; close $peer;
`;

testRuntime(
  "oci",
  async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "capstan-oci-"));
    const network = allocateInstanceNetwork(dataDir, { bridged: true });
    const stop = new AbortController();
    const { runtime, images, ready, start } = createRuntime({ dataDir, network, log: silent });
    const running = start(stop.signal);
    await ready;
    const shell = (script: string) => ["sh", "-c", script];
    return {
      runtime,
      images,
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
      async close() {
        stop.abort();
        await running;
        rmSync(dataDir, { recursive: true, force: true });
      },
    };
  },
  missing,
);

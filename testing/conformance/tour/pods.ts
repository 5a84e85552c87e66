// Into pods: logs, exec, attach, cp, port-forward, run, debug.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Kubectl } from "./kubectl.ts";
import { deployment, pod } from "./manifests.ts";

const node = "/opt/capstan/node_modules/node/bin/node";
const server = `let n = 0;
require("net").createServer((socket) => socket.end("hello\\n")).listen(8080, () => console.log("ready"));
process.stdin.on("data", (data) => console.log("heard " + data));
process.on("SIGTERM", () => process.exit(0));`;

export async function tourPods(kubectl: Kubectl): Promise<void> {
  const container = { name: "main", image: "capstan/host", command: [node, "-e", server], stdin: true };
  const ports = [{ containerPort: 8080, name: "greet" }];
  const side = { name: "side", image: "capstan/host", command: ["sh", "-c", "echo aside; exec sleep infinity"] };
  await kubectl.run("apply -f -", pod("inside", { containers: [{ ...container, ports }, side] }));
  await kubectl.run("wait --for=condition=Ready pod/inside --timeout=20s");
  await tourLogs(kubectl);
  await tourExec(kubectl);
  await tourAttach(kubectl);
  await tourCopy(kubectl);
  await tourForward(kubectl);
  await tourDebug(kubectl);
  await kubectl.run("delete pod inside --wait=false");
  await tourRun(kubectl);
}

async function tourLogs(kubectl: Kubectl): Promise<void> {
  await kubectl.matches("logs inside -c main", /^ready\n$/);
  await kubectl.matches("logs inside", /^Defaulted container "main" out of: main, side\nready\n$|ready\n/);
  await kubectl.matches("logs inside --all-containers --prefix", /^\[pod\/inside\/main\] ready\n/m);
  await kubectl.matches("logs inside -c side --timestamps", /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) aside\n$/);
  await kubectl.matches("logs -l app=inside -c side --tail=1", /^aside\n$/);
  assert.match(await kubectl.fails("logs inside -c none"), /container none is not valid for pod inside/);
  assert.match(
    await kubectl.fails("logs inside -c side --previous"),
    /previous terminated container "side" in pod "inside" not found/,
  );
  await using following = kubectl.start("logs -f inside -c main");
  await following.until(/ready\n/);
  await kubectl.run("exec inside -c main -- sh -c 'echo more >/proc/1/fd/1'");
  await following.until(/ready\nmore\n/);
}

async function tourExec(kubectl: Kubectl): Promise<void> {
  await kubectl.matches("exec inside -c side -- sh -c 'echo out; echo err >&2'", /out\n/);
  assert.match(
    await kubectl.fails("exec inside -c main -- sh -c 'exit 7'", "", 7),
    /command terminated with exit code 7/,
  );
  const big = "x".repeat(1024 * 1024);
  assert.equal((await kubectl.run("exec -i inside -c main -- wc -c", big)).trim(), String(big.length));
  assert.equal((await kubectl.run("exec -i inside -c main -- cat", big)).length, big.length);
  assert.match(await kubectl.fails("exec inside -c main -- no-such-program"), /no-such-program/);
  assert.match(await kubectl.fails("exec none -- true"), /pods "none" not found/);
  await kubectl.run("apply -f -", deployment("into", 1));
  await kubectl.run("rollout status deployment/into --timeout=20s");
  await kubectl.matches("exec deploy/into -- echo through", /through\n/);
  await kubectl.run("delete deployment into --wait=false");
}

async function tourAttach(kubectl: Kubectl): Promise<void> {
  await using attached = kubectl.start("attach -i inside -c main");
  attached.process.stdin.write("you\n");
  await attached.until(/heard you/);
}

async function tourCopy(kubectl: Kubectl): Promise<void> {
  const local = (name: string) => join(kubectl.home, name);
  mkdirSync(local("tree"));
  writeFileSync(local("tree/one"), "first");
  writeFileSync(local("tree/two"), "x".repeat(300_000));
  await kubectl.run("cp tree inside:/tmp/there -c main");
  await kubectl.matches("exec inside -c main -- cat /tmp/there/one", /^first$/);
  await kubectl.run("cp inside:/tmp/there back -c main");
  assert.equal(readFileSync(local("back/one"), "utf8"), "first");
  assert.equal(readFileSync(local("back/two"), "utf8").length, 300_000);
}

async function tourForward(kubectl: Kubectl): Promise<void> {
  await kubectl.run("expose pod inside --name=inside --port=80 --target-port=greet");
  for (const target of ["pod/inside :8080", "svc/inside :80"]) {
    await using forward = kubectl.start(`port-forward ${target}`);
    const said = await forward.until(/Forwarding from 127\.0\.0\.1:\d+ -> 8080\n/);
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
    for (let i = 0; i < 3; i++) {
      let text = "";
      for await (const chunk of connect(port, "127.0.0.1")) text += chunk;
      assert.equal(text, "hello\n", `kubectl 1.${kubectl.minor} port-forward ${target}`);
    }
  }
  await kubectl.run("delete svc inside");
}

async function tourDebug(kubectl: Kubectl): Promise<void> {
  // Its input stays open when the client's ends: it ends by itself.
  const asked = "debug inside --image=capstan/host --container=helper --quiet -i";
  assert.match(await kubectl.run(`${asked} -- head -n1`, "helped\n"), /^helped\n/m);
  await kubectl.run("debug inside --image=capstan/host --container=stays -- sh -c 'sleep infinity'");
  await kubectl.matches("describe pod inside", /Ephemeral Containers:\n +helper:\n/);
  await kubectl.matches("logs inside -c helper", /^helped\n$/);
}

async function tourRun(kubectl: Kubectl): Promise<void> {
  const asked = "run asked --image=capstan/host --restart=Never --rm -i --quiet";
  assert.match(await kubectl.run(`${asked} -- cat`, "typed\n"), /^typed\n(pod "asked" deleted.*\n)?$/);
  assert.match(await kubectl.fails("get pod asked"), /not found/);
  await kubectl.matches("run plain --image=capstan/host --restart=Never -- sh -c 'echo ran'", /^pod\/plain created\n$/);
  await kubectl.run("wait pod/plain --for=jsonpath={.status.phase}=Succeeded --timeout=20s");
  await kubectl.matches("logs plain", /^ran\n$/);
  await kubectl.matches("get pod plain", /plain +0\/1 +Completed +0 /);
  await kubectl.run("delete pod plain");
}

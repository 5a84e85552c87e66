// Services and policies of a whole platform: servers outside the cluster behind one address, and a default deny.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { canBridge, nftMissing } from "@capstan/core/runtime";
import { type Outside, startOutside } from "@capstan/testing/network";
import { programsMissing } from "@capstan/testing/programs";
import { type Instance, startInstance } from "./instance.ts";

const root = canBridge() ? (nftMissing() ?? false) : "a network for each pod needs root and the program ip";
const skip = root || programsMissing("kubectl", "wget", "unshare", "nsenter");

// A network for each run on this machine, of those that are for measurements.
const net = `198.18.${process.pid % 256}`;
const flags = ["--no-quickstart", "--nodeport-addresses", `${net}.0/24`];
const service = `
apiVersion: v1
kind: Service
metadata:
  name: my-service
spec:
  ports:
    - protocol: TCP
      port: 8081
      targetPort: 8081
---
apiVersion: v1
kind: Endpoints
metadata:
  name: my-service
subsets:
  - addresses:
      - ip: ${net}.99
      - ip: ${net}.201
    ports:
      - port: 8081
`;
const pod = `
apiVersion: v1
kind: Pod
metadata:
  name: client
  labels: {app: client}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: main, image: capstan/host, workingDir: /tmp, command: [sleep, "1000"]}
`;
const policy = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: default-deny
spec:
  podSelector:
    matchLabels:
      app: nginx1-7
  policyTypes:
  - Egress
  egress:
  - to:
    - ipBlock:
        cidr: 10.11.22.0/24
`;

let outside: Outside;
before(async () => {
  if (skip) return;
  const servers = { [`${net}.99`]: "server 1", [`${net}.201`]: "server 2" };
  outside = await startOutside({ here: `${net}.1/24`, servers, port: 8081 });
});
after(async () => {
  await outside?.[Symbol.asyncDispose]();
});

async function kubectl(instance: Instance, args: string[], input = ""): Promise<string> {
  const child = spawn("kubectl", ["--kubeconfig", instance.kubeconfig, ...args]);
  let text = "";
  child.stderr.resume();
  child.stdout.setEncoding("utf8").on("data", (data) => (text += data));
  child.stdin.end(input);
  await once(child, "close");
  return text;
}

const ask = (instance: Instance, options = "") =>
  kubectl(instance, ["exec", "client", "--", "sh", "-c", `wget ${options} my-service:8081 -q -O out && cat out`]);

/** Asks until both servers have answered, then four times more. */
async function turns(instance: Instance): Promise<string[]> {
  const seen = new Set<string>();
  for (let time = 0; time < 50 && seen.size < 2; time++) seen.add(await ask(instance));
  const all: string[] = [];
  for (let time = 0; time < 4; time++) all.push(await ask(instance));
  return all.sort();
}

/** What another machine gets at the Service's node port. */
async function nodePort(instance: Instance): Promise<string> {
  await kubectl(instance, ["patch", "svc", "my-service", "-p", '{"spec":{"type":"NodePort"}}']);
  const { spec } = JSON.parse(await kubectl(instance, ["get", "svc", "my-service", "-o", "json"]));
  return await outside.run([
    "wget",
    "--retry-connrefused",
    "-t",
    "9",
    "-q",
    "-O-",
    `${net}.1:${spec.ports[0].nodePort}`,
  ]);
}

/** What a pod gets that asks as the first thing it does. */
async function firstAnswer(instance: Instance, name: string, app: string): Promise<string> {
  const { spec } = JSON.parse(await kubectl(instance, ["get", "svc", "my-service", "-o", "json"]));
  const command = `wget -T 0.5 -t 1 ${spec.clusterIP}:8081 -q -O -`;
  const args = ["run", name, "--image=capstan/host", `--labels=app=${app}`, "--restart=Never", "--command", "--"];
  await kubectl(instance, [...args, "sh", "-c", command]);
  await kubectl(instance, ["wait", `pod/${name}`, "--for=jsonpath={.status.containerStatuses[0].state.terminated}"]);
  return await kubectl(instance, ["logs", name]);
}

const both = ["server 1\n", "server 1\n", "server 2\n", "server 2\n"];

test("two servers outside the cluster behind one address; a policy; a kill; the other mode", { skip }, async () => {
  const tables = () => spawnSync("nft", ["list", "tables"], { encoding: "utf8" }).stdout;
  const first = startInstance({ args: [...flags, "--proxy-mode", "nftables"], keep: true });
  try {
    const status = await first.ready();
    const about = (name: string) => status.parts.find((part) => part.name === name)?.message;
    assert.match(about("services") ?? "", /^mode nftables/);
    assert.equal(about("policies"), "enforced by nftables");
    await kubectl(first, ["apply", "-f", "-"], service);
    await kubectl(first, ["apply", "-f", "-"], pod);
    await kubectl(first, ["wait", "--for=condition=Ready", "pod/client"]);
    const shown = await kubectl(first, ["describe", "svc", "my-service"]);
    assert.match(shown, /Selector: +<none>\n/);
    const [, endpoints = ""] = /Endpoints: +(\S+)\n/.exec(shown) ?? [];
    assert.deepEqual(endpoints.split(",").sort(), [`${net}.201:8081`, `${net}.99:8081`]);
    assert.deepEqual(await turns(first), both);
    assert.match(await nodePort(first), /^server/);
    await kubectl(first, ["apply", "-f", "-"], policy);
    await kubectl(first, ["label", "pod", "client", "--overwrite", "app=nginx1-7"]);
    const silence = async (instance: Instance) => {
      for (let time = 0; time < 20; time++) if (!(await ask(instance, "-T 0.2 -t 1")).startsWith("server")) return true;
      return false;
    };
    assert.ok(await silence(first), "a pod under the policy still gets out");
    // From the first moment on: what a pod does at once is let through, or is not.
    assert.match(await firstAnswer(first, "free", "free"), /^server/);
    assert.doesNotMatch(await firstAnswer(first, "held", "nginx1-7"), /^server/);
    const { bridge } = JSON.parse(readFileSync(join(first.directory, "network.json"), "utf8")) as { bridge: string };
    await first.kill();
    assert.match(tables(), new RegExp(`${bridge}_services`));
    await using second = startInstance({
      directory: first.directory,
      args: [...flags, "--proxy-mode", "userspace"],
      keep: true,
    });
    const again = await second.ready();
    assert.equal(again.parts.find(({ name }) => name === "services")?.message, "mode userspace");
    assert.ok(await silence(second), "a pod under the policy gets out after a kill");
    await kubectl(second, ["delete", "networkpolicy", "default-deny"]);
    assert.deepEqual(await turns(second), both);
    assert.match(await nodePort(second), /^server/);
    assert.equal(await second.stop(), 0);
    assert.ok(!tables().includes(bridge));
  } finally {
    await first[Symbol.asyncDispose]();
    rmSync(first.directory, { recursive: true, force: true });
  }
});

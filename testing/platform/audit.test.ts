// The audit log of a running platform: what kubectl does is in it, what a secret says is not.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigMaps, Secrets } from "@capstan/api/generated/resources";
import { createClient } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import { capstan, startInstance } from "./instance.ts";

const policy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    users: [system:capstan]
  - level: RequestResponse
    verbs: [create]
  - level: Metadata
`;

test("requests are recorded as the policy says, from the certificate's user, without a secret's body", async () => {
  const root = mkdtempSync(join(tmpdir(), "capstan-audit-"));
  try {
    const [log, file] = [join(root, "audit.log"), join(root, "policy.yaml")];
    writeFileSync(file, policy);
    {
      await using instance = startInstance({ args: ["--no-quickstart", "--audit-log", log, "--audit-policy", file] });
      await instance.ready();
      const { transport } = await openKubeconfig(instance.kubeconfig);
      const client = createClient(transport.handler, { userAgent: "auditor" });
      const metadata = { namespace: "default", name: "audited" };
      await client.create(ConfigMaps, { metadata, data: { plain: "visible" } });
      await client.create(Secrets, { metadata, stringData: { word: "open sesame" } });
      await client.get(ConfigMaps, metadata);
      transport.close();
    }
    const text = readFileSync(log, "utf8");
    const events = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.ok(events.every(({ kind, apiVersion }) => kind === "Event" && apiVersion === "audit.k8s.io/v1"));
    assert.ok(!events.some(({ user }) => user.username === "system:capstan"));
    const mine = events.filter(({ userAgent }) => userAgent === "auditor");
    assert.deepEqual(
      mine.map(({ verb, level, user, sourceIPs }) => [verb, level, user.username, sourceIPs[0]]),
      [
        ["create", "RequestResponse", "kubernetes-admin", "127.0.0.1"],
        ["create", "Metadata", "kubernetes-admin", "127.0.0.1"],
        ["get", "Metadata", "kubernetes-admin", "127.0.0.1"],
      ],
    );
    assert.equal(mine[0].requestObject.data.plain, "visible");
    assert.ok(!text.includes("open sesame") && !text.includes(btoa("open sesame")));
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("a policy without a log, and a wrong policy, are refused before anything starts", async () => {
  const root = mkdtempSync(join(tmpdir(), "capstan-audit-"));
  const file = join(root, "policy.yaml");
  writeFileSync(file, policy.replace("level: None", "level: Nothing"));
  const alone = await capstan(["up", "--data-dir", root, "--audit-policy", file]);
  assert.equal(alone.code, 2);
  assert.match(alone.stderr, /--audit-policy needs --audit-log FILE/);
  const wrong = await capstan(["up", "--data-dir", root, "--audit-log", join(root, "log"), "--audit-policy", file]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /policy\.yaml: policy\.rules\[0\]\.level: "Nothing" is not one of/);
  rmSync(root, { recursive: true });
});

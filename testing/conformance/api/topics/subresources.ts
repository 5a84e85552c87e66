// Subresources that have rules of their own.
import type { Scenarios } from "../recording.ts";

const container = { name: "c", image: "i:1" };
const merge = "application/merge-patch+json";
const strategic = "application/strategic-merge-patch+json";

export const subresources: Scenarios = {
  async status({ ask, namespace }) {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await ask("POST", path, { body: { metadata: { name: "a" }, spec: { containers: [container] } } });
    const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }], podIP: "1.2.3.4" };
    await ask("PATCH", `${path}/a/status`, {
      body: { metadata: { labels: { x: "y" } }, spec: { nodeName: "n" }, status },
      type: merge,
    });
    await ask("PATCH", `${path}/a/status`, {
      body: { status: { conditions: [{ type: "Other", status: "False" }] } },
      type: strategic,
    });
    await ask("PATCH", `${path}/a/status`, { body: { status: { conditions: "x" } }, type: merge });
    await ask("PATCH", `${path}/a`, {
      body: { status: { phase: "Failed" }, metadata: { labels: { z: "1" } } },
      type: merge,
    });
    await ask("GET", `${path}/a/status`);
    await ask("DELETE", `${path}/a/status`);
    await ask("PATCH", `${path}/none/status`, { body: {}, type: merge });
    await ask("PATCH", `${path}/a`, { body: { spec: { nodeName: "n" } }, type: merge });
    await ask("PATCH", `${path}/a`, { body: { spec: { activeDeadlineSeconds: 60 } }, type: merge });
    await ask("PATCH", `${path}/a`, { body: { spec: { containers: [{ name: "c", image: "i:2" }] } }, type: strategic });
    await ask("PATCH", `${path}/a`, {
      body: { spec: { tolerations: [{ key: "k", operator: "Exists" }] } },
      type: merge,
    });
  },
  async "ephemeral containers"({ ask, namespace }) {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await ask("POST", path, { body: { metadata: { name: "a" }, spec: { containers: [container] } } });
    const debug = { name: "debug", image: "d:1" };
    const patch = (ephemeralContainers: object[], type = strategic) =>
      ask("PATCH", `${path}/a/ephemeralcontainers`, { body: { spec: { ephemeralContainers } }, type });
    await patch([debug]);
    await patch([{ name: "other", image: "d:2", targetContainerName: "c" }]);
    await patch([{ name: "debug", image: "d:3" }]);
    await patch([{ name: "c", image: "d:3" }]);
    await patch([{ name: "x", image: "d:3", ports: [{ containerPort: 80 }] }]);
    await patch([{ name: "x", image: "d:3", targetContainerName: "none" }]);
    await patch([], merge);
    await ask("PATCH", `${path}/a`, { body: { spec: { ephemeralContainers: [debug] } }, type: merge });
    await ask("GET", `${path}/a/ephemeralcontainers`);
  },
  async token({ ask, namespace, note, subject }) {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    const request = (spec: object) =>
      subject.send("POST", `${path}/default/token`, {
        body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec },
      });
    const { status, json } = await request({ audiences: ["me"], expirationSeconds: 600 });
    const [header, claims] = json.status.token.split(".").map((part: string) => part);
    const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
    // Who issues is a setting.
    const { exp, iat, nbf, jti, iss: _, ...rest } = read(claims);
    note("token", {
      status,
      kind: json.kind,
      spec: json.spec,
      life: exp - iat,
      sameStart: nbf === iat,
      hasId: typeof jti === "string",
      rest,
      alg: read(header).alg,
    });
    for (const spec of [
      { expirationSeconds: 5 },
      { expirationSeconds: 2 ** 33 },
      { boundObjectRef: { kind: "Secret", apiVersion: "v1", name: "none" } },
      { boundObjectRef: { kind: "ConfigMap", apiVersion: "v1", name: "x" } },
    ]) {
      const answer = await request(spec);
      note(JSON.stringify(spec), answer.json);
    }
    await ask("POST", `${path}/none/token`, { body: { spec: {} } });
    await ask("GET", `${path}/default/token`);
    await ask("POST", `${path}/default/token`, { body: { apiVersion: "v1", kind: "Pod" } });
  },
  async approval({ ask, unique }) {
    const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    await ask("GET", `${path}/${unique}/approval`);
    await ask("PUT", `${path}/${unique}/approval`, { body: { metadata: { name: unique }, status: {} } });
  },
};

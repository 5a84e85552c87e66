// Create, get and what is refused of them.
import type { Scenarios } from "../recording.ts";

export const objects: Scenarios = {
  async "create twice"({ ask, namespace }) {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    await ask("POST", path, { body: { metadata: { name: "a" }, data: { k: "v" } } });
    await ask("POST", path, { body: { metadata: { name: "a" }, data: { k: "v" } } });
    await ask("GET", `${path}/a`);
    await ask("GET", `${path}/b`);
  },
  async "bodies of other types, and health by part"({ ask, namespace }) {
    const path = `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`;
    for (const type of ["application/merge-patch+json", "application/apply-patch+yaml", "text/plain"]) {
      await ask("POST", path, { body: JSON.stringify({ metadata: { name: "a" } }), type });
    }
    for (const part of ["ping", "etcd", "none"]) await ask("GET", `/readyz/${part}`);
  },
};

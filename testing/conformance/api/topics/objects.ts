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
};

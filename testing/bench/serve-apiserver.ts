// The API server alone, in a process of its own, as the benchmark's peer runs: serve-apiserver.ts DIR PORT [workflows]
// With the last word the workflow operator runs in it, as in the platform.
import { join } from "node:path";
import { silent } from "@capstan/base/log";
import { createApiServer } from "@capstan/cluster/apiserver";
import { createAdmission } from "@capstan/cluster/apiserver/admission";
import { createAuthentication } from "@capstan/cluster/apiserver/authentication";
import { bootstrapRbac, createAuthorization } from "@capstan/cluster/apiserver/authorization";
import { type Client, createClient } from "@capstan/core/client";
import { openAuthority, openTokenSigner } from "@capstan/core/pki";
import { openStore } from "@capstan/core/store";
import { serve } from "@capstan/core/wire";
import { apiServerRequest } from "../../apps/capstan/platform/certificates.ts";
import { trimHeap } from "../../apps/capstan/platform/trim-heap.ts";

const [root = "", port = "0", part] = process.argv.slice(2);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

const authority = await openAuthority({ directory: join(root, "pki") });
const [pair, signer] = await Promise.all([
  authority.issue(apiServerRequest("10.96.0.1")),
  openTokenSigner(join(root, "pki")),
]);
await using store = openStore(join(root, "store"));
const server = createApiServer({
  store,
  log: silent,
  serviceCidr: "10.96.0.0/16",
  advertise: { address: "127.0.0.1", port: Number(port) },
  extensions: [
    createAuthentication({ signer }),
    createAuthorization(),
    createAdmission({ log: silent, client: () => client }),
  ],
});
const client: Client = createClient(server.handler, {
  principal: { name: "system:apiserver", groups: ["system:masters"] },
  userAgent: "bench",
});
const running = server.start(stop.signal);
await server.ready;
await bootstrapRbac(client);
const tls = { cert: pair.cert, key: pair.key, clientCa: authority.cert };
const serving = await serve({ handler: server.handler, port: Number(port), tls, log: silent });
trimHeap();
if (part === "workflows") await (await import("./workflow/operator.ts")).runOperator(client, stop.signal);
await running;
await serving.close();

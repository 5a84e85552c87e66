// What the contract is tried on: a cluster in this process as the platform composes it, or the one of CAPSTAN_TEST_KUBECONFIG.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { silent } from "@capstan/base/log";
import { bootstrapPriorityClasses, createAdmission } from "@capstan/cluster/apiserver/admission";
import { createAuthentication, createIssuerDiscovery, defaultIssuer } from "@capstan/cluster/apiserver/authentication";
import { bootstrapRbac, createAuthorization } from "@capstan/cluster/apiserver/authorization";
import { type Material, readKubeconfig } from "@capstan/core/client";
import { openAuthority, openTokenSigner } from "@capstan/core/pki";
import { serve } from "@capstan/core/wire";
import { parse } from "yaml";
import { adminRequest, apiServerRequest } from "../../../apps/capstan/platform/certificates.ts";
import { TestCluster } from "../../cluster/test-cluster.ts";
import { type Access, type Answer, Exchange, type RequestOptions, type Stream } from "./exchange.ts";

/** A server that the cases talk to as its administrator (group system:masters). */
export interface Subject extends AsyncDisposable {
  /** Whether it is ours. */
  embedded: boolean;
  access: Access;
  send(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  watch(path: string, options?: RequestOptions): Promise<Stream>;
  /** A fresh namespace, in which pods may be made though no controller runs. */
  namespace(labels?: Record<string, string>): Promise<string>;
}

/** The cluster of CAPSTAN_TEST_KUBECONFIG where it is set, else ours. */
export async function openSubject(kubeconfig = process.env.CAPSTAN_TEST_KUBECONFIG): Promise<Subject> {
  return kubeconfig ? openRemote(kubeconfig) : openEmbedded();
}

export async function openRemote(kubeconfig: string): Promise<Subject> {
  const access = readKubeconfig(parse(await readFile(kubeconfig, "utf8")));
  const read = async (material: Material | undefined, what: string) => {
    if (!material) throw new Error(`${kubeconfig}: the suite needs ${what}`);
    return "text" in material ? material.text : readFile(resolve(dirname(kubeconfig), material.file), "utf8");
  };
  const [ca, cert, key] = await Promise.all([
    read(access.ca, "certificate-authority"),
    read(access.certificate, "client-certificate"),
    read(access.key, "client-key"),
  ]);
  return subjectOf({ url: access.server, ca, cert, key }, false, async () => {});
}

/** The API server with every extension that the platform gives it, and no controllers. */
export async function openEmbedded(): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), "capstan-contract-"));
  const authority = await openAuthority({ directory });
  const signer = await openTokenSigner(directory);
  const cluster: TestCluster = await TestCluster.start({
    extensions: [
      createAuthentication({ signer }),
      createAuthorization(),
      createIssuerDiscovery({ signer, issuer: defaultIssuer }),
      createAdmission({ log: silent, client: () => cluster.client }),
    ],
  });
  await Promise.all([bootstrapRbac(cluster.client), bootstrapPriorityClasses(cluster.client)]);
  const [pair, admin] = await Promise.all([
    authority.issue(apiServerRequest("10.96.0.1")),
    authority.issue(adminRequest),
  ]);
  const tls = { ...pair, clientCa: authority.cert };
  const serving = await serve({ handler: cluster.handler, port: 0, tls, log: silent });
  return subjectOf({ url: serving.url, ca: authority.cert, ...admin }, true, async () => {
    await serving.close();
    await cluster[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
}

function subjectOf(access: Access, embedded: boolean, close: () => Promise<void>): Subject {
  const exchange = new Exchange(access);
  const send: Subject["send"] = async (method, path, options) => exchange.send(method, path, options);
  return {
    embedded,
    access,
    send,
    watch: (path, options) => exchange.watch(path, options),
    async namespace(labels = {}) {
      const metadata = { name: `contract-${crypto.randomUUID().slice(0, 8)}`, labels };
      expect(await send("POST", "/api/v1/namespaces", { body: { metadata } }), 201);
      const path = `/api/v1/namespaces/${metadata.name}/serviceaccounts`;
      expect(await send("POST", path, { body: { metadata: { name: "default" } } }), 201, 409);
      return metadata.name;
    },
    async [Symbol.asyncDispose]() {
      exchange[Symbol.dispose]();
      await close();
    },
  };
}

/** Throws with the body when the answer has another status. */
export function expect(answer: Answer, ...codes: number[]): Answer {
  if (codes.includes(answer.status)) return answer;
  throw new Error(`expected ${codes.join(" or ")}, got ${answer.status}: ${answer.text.slice(0, 2000)}`);
}

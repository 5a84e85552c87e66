import { randomBytes } from "node:crypto";
import { ImagePolicies, type ImagePolicy } from "@capstan/api/kinds/image-policy";
import { isReason } from "@capstan/api/meta";
import { aborted } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { type Authority, createRenewal } from "@capstan/core/pki";
import { type Controller, createController, type Informers } from "@capstan/core/reconcile";
import { type Serving, serve } from "@capstan/core/wire";
import { type CompiledPolicy, compilePolicy } from "./policy.ts";
import { register, unregister } from "./registration.ts";
import { createWebhook } from "./webhook.ts";

export interface ImagePolicyOptions {
  client: Client;
  informers: Informers;
  log: Logger;
  /** Signs the webhook's certificate; the API server is told to trust it. */
  authority: Authority;
  /** Where the webhook listens, and the API server reaches it; default 127.0.0.1. */
  host?: string;
  /** Default: a free one. */
  port?: number;
}

const settingsName = "policies";

/**
 * Serves ImagePolicies as admission webhooks. Without a policy nothing listens and the API server asks nobody; with the
 * first one the webhook is registered, and taken back when the operator stops.
 */
export function createImagePolicyOperator(options: ImagePolicyOptions): Pick<Controller, "start"> {
  return new ImagePolicyOperator(options);
}

class ImagePolicyOperator {
  readonly #options: ImagePolicyOptions;
  readonly #secret = randomBytes(24).toString("base64url");
  #policies: CompiledPolicy[] = [];
  #server: { serving: Serving; stop: AbortController; renewal: Promise<void> } | undefined;

  constructor(options: ImagePolicyOptions) {
    this.#options = options;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { client, informers, log } = this.#options;
    // All policies are one thing: whatever changes, they are read again.
    const controller = createController({
      name: "image-policy",
      informers,
      log,
      workers: 1,
      sources: [{ resource: ImagePolicies, keys: () => [{ name: settingsName }] }],
      reconcile: async () => {
        await this.#reconcile();
        return undefined;
      },
    });
    // One that was killed left its address behind.
    controller.enqueue({ name: settingsName });
    await controller.start(signal);
    await aborted(signal);
    if (this.#server) await unregister(client).catch((error) => log.debug("the webhook stays registered", { error }));
    await this.#close();
  }

  async #reconcile(): Promise<void> {
    const { client, informers } = this.#options;
    const all = informers.informer(ImagePolicies).list();
    const policies = all.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    const compiled: CompiledPolicy[] = [];
    for (const policy of policies) {
      if (policy.metadata.deletionTimestamp) continue;
      const problem = attempt(() => compiled.push(compilePolicy(policy)));
      await this.#tell(policy, problem);
    }
    this.#policies = compiled;
    if (compiled.length === 0) {
      await unregister(client);
      await this.#close();
      return;
    }
    this.#server ??= await this.#open();
    const [first, ...others] = policies.map(({ spec }) => spec.exemptNamespaces ?? ["kube-system"]);
    await register(client, {
      url: this.#server.serving.url,
      secret: this.#secret,
      ca: this.#options.authority.cert,
      failClosed: compiled.some(({ failClosed }) => failClosed),
      exempt: (first ?? []).filter((namespace) => others.every((list) => list.includes(namespace))),
    });
  }

  async #open() {
    const { authority, host = "127.0.0.1", port = 0, log } = this.#options;
    const request = { commonName: "capstan-image-policies", hosts: [host], usages: ["server" as const] };
    const pair = await authority.obtain("image-policies", request);
    const handler = createWebhook({ policies: () => this.#policies, secret: this.#secret });
    const serving = await serve({ handler, host, port, tls: pair, log });
    const stop = new AbortController();
    const apply = (fresh: typeof pair) => serving.setTls(fresh);
    const renewal = createRenewal({ authority, certificates: [{ name: "image-policies", request, pair, apply }], log });
    return { serving, stop, renewal: renewal.start(stop.signal) };
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.stop.abort();
    await server.renewal;
    await server.serving.close();
  }

  async #tell(policy: ImagePolicy, problem: string | undefined): Promise<void> {
    const { generation } = policy.metadata;
    const status = problem === undefined ? "True" : "False";
    const message = problem ?? "";
    const old = policy.status?.conditions?.find(({ type }) => type === "Ready");
    if (old?.status === status && old.message === message && policy.status?.observedGeneration === generation) return;
    const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : now;
    const reason = problem === undefined ? "InForce" : "InvalidRule";
    const condition = { type: "Ready", status, reason, message, lastTransitionTime };
    const conditions = [condition];
    try {
      await this.#options.client.updateStatus(ImagePolicies, {
        ...policy,
        status: { observedGeneration: generation, conditions },
      } as ImagePolicy);
    } catch (error) {
      if (!isReason(error, "NotFound", "Conflict")) throw error;
    }
  }
}

function attempt(compile: () => unknown): string | undefined {
  try {
    compile();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

import { mkdtempSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { domainDefinition } from "@capstan/api/kinds/domain";
import { imagePolicyDefinition } from "@capstan/api/kinds/image-policy";
import { createLogger } from "@capstan/base/log";
import { createClient } from "@capstan/core/client";
import { openAuthority } from "@capstan/core/pki";
import { createElector, createInformers } from "@capstan/core/reconcile";
import { openKubeconfig } from "@capstan/core/wire";
import { createCertificateRenewal } from "@capstan/operators/certificates";
import { createDomainOperator } from "@capstan/operators/domain";
import { createImagePolicyOperator, type ImagePolicyOptions } from "@capstan/operators/images";
import { install } from "../platform/installed.ts";
import { parse, UsageError } from "./usage.ts";

/** Where processes that operate one cluster agree which of them does. */
const lease = { namespace: "kube-system", name: "capstan-operators" };

/** Runs the Domain operator and the renewal of Services' certificates against any cluster, by its public API alone. */
export async function operate(args: string[]): Promise<number> {
  const { values } = parse("operate", args, {
    kubeconfig: { type: "string" },
    context: { type: "string" },
    "webhook-host": { type: "string" },
  });
  const file = values.kubeconfig ?? process.env.KUBECONFIG;
  if (!file) throw new UsageError("operate", "--kubeconfig is missing, and KUBECONFIG is not set");
  const log = createLogger(({ fields, ...record }) => {
    process.stdout.write(`${JSON.stringify({ ...record, ...fields })}\n`);
  });
  const { transport } = await openKubeconfig(file, values.context);
  const client = createClient(transport.handler, { userAgent: "capstan-operators" });
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  const host = values["webhook-host"];
  await install(client, CustomResourceDefinitions, domainDefinition);
  if (host) await install(client, CustomResourceDefinitions, imagePolicyDefinition);
  const elector = createElector({ client, lease, identity: `${hostname()}-${process.pid}`, log });
  await elector.start(stop.signal, async (signal) => {
    const informers = createInformers(client, { log });
    const domains = createDomainOperator({ client, informers, log });
    const certificates = createCertificateRenewal({ client, informers, log });
    const parts: { start(signal: AbortSignal): Promise<void> }[] = [informers, domains, certificates];
    if (host) parts.push(await openImagePolicies({ client, informers, log, host }));
    await Promise.all(parts.map((part) => part.start(signal)));
  });
  transport.close();
  return 0;
}

/** The webhook's authority lives as long as the process: the API server is told of it each time. */
async function openImagePolicies(options: Omit<ImagePolicyOptions, "authority">) {
  const directory = mkdtempSync(join(tmpdir(), "capstan-webhook-"));
  const authority = await openAuthority({ directory, commonName: "capstan-webhooks" });
  const operator = createImagePolicyOperator({ ...options, authority });
  return {
    async start(signal: AbortSignal): Promise<void> {
      try {
        await operator.start(signal);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}

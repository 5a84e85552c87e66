import { hostname } from "node:os";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { domainDefinition } from "@capstan/api/kinds/domain";
import { createLogger } from "@capstan/base/log";
import { createClient } from "@capstan/core/client";
import { createElector, createInformers } from "@capstan/core/reconcile";
import { openKubeconfig } from "@capstan/core/wire";
import { createCertificateRenewal } from "@capstan/operators/certificates";
import { createDomainOperator } from "@capstan/operators/domain";
import { install } from "../platform/installed.ts";
import { parse, UsageError } from "./usage.ts";

/** Where processes that operate one cluster agree which of them does. */
const lease = { namespace: "kube-system", name: "capstan-operators" };

/** Runs the Domain operator and the renewal of Services' certificates against any cluster, by its public API alone. */
export async function operate(args: string[]): Promise<number> {
  const { values } = parse("operate", args, { kubeconfig: { type: "string" }, context: { type: "string" } });
  const file = values.kubeconfig ?? process.env.KUBECONFIG;
  if (!file) throw new UsageError("operate", "--kubeconfig is missing, and KUBECONFIG is not set");
  const log = createLogger(({ fields, ...record }) => {
    process.stdout.write(`${JSON.stringify({ ...record, ...fields })}\n`);
  });
  const { transport } = await openKubeconfig(file, values.context);
  const client = createClient(transport.handler, { userAgent: "capstan-operators" });
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  await install(client, CustomResourceDefinitions, domainDefinition);
  const elector = createElector({ client, lease, identity: `${hostname()}-${process.pid}`, log });
  await elector.start(stop.signal, async (signal) => {
    const informers = createInformers(client, { log });
    const domains = createDomainOperator({ client, informers, log });
    const certificates = createCertificateRenewal({ client, informers, log });
    await Promise.all([informers.start(signal), domains.start(signal), certificates.start(signal)]);
  });
  transport.close();
  return 0;
}

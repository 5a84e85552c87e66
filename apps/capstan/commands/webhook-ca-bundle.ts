import { text } from "node:stream/consumers";
import { type Document, isMap, isSeq, parseAllDocuments, type YAMLMap } from "yaml";
import { clusterFlags, openCluster } from "./cluster-access.ts";
import { parse } from "./usage.ts";

/** Bytes of a manifest that are read. */
const manifestLimit = 16 * 1024 * 1024;
const kinds = new Set(["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]);

/** Reads manifests, gives every webhook that has none the cluster's CA, and prints them. */
export async function webhookCaBundle(args: string[]): Promise<number> {
  const { values } = parse("webhook-ca-bundle", args, clusterFlags);
  const input = await text(process.stdin);
  if (input.length > manifestLimit)
    throw new Error(`the manifest is larger than manifestLimit (${manifestLimit} bytes)`);
  using cluster = await openCluster(values);
  if (!cluster.ca) throw new Error("the kubeconfig names no certificate-authority: there is nothing to fill in");
  const { output, filled } = fillBundles(input, Buffer.from(cluster.ca).toString("base64"));
  process.stdout.write(output);
  process.stderr.write(`caBundle of ${filled} webhook${filled === 1 ? "" : "s"} filled in\n`);
  return filled > 0 ? 0 : 1;
}

/** A caBundle that is a certificate already stays; comments and everything else too. @param bundle base64 of PEM */
export function fillBundles(input: string, bundle: string): { output: string; filled: number } {
  let filled = 0;
  const documents = parseAllDocuments(input);
  if ("empty" in documents) return { output: "", filled };
  for (const document of documents) {
    const [problem] = document.errors;
    if (problem) throw new Error(`the manifest is no YAML: ${problem.message}`);
    for (const config of clientConfigs(document)) {
      if (isCertificate(config.get("caBundle"))) continue;
      config.set("caBundle", bundle);
      filled++;
    }
  }
  return { output: documents.map((document) => document.toString({ lineWidth: 0 })).join(""), filled };
}

function clientConfigs(document: Document): YAMLMap[] {
  const { contents } = document;
  if (!isMap(contents)) return [];
  const kind = String(contents.get("kind"));
  if (kind === "CustomResourceDefinition") {
    const config = contents.getIn(["spec", "conversion", "webhook", "clientConfig"]);
    return isMap(config) ? [config] : [];
  }
  const webhooks = contents.get("webhooks");
  if (!kinds.has(kind) || !isSeq(webhooks)) return [];
  return webhooks.items.flatMap((webhook) => {
    const config = isMap(webhook) ? webhook.get("clientConfig") : undefined;
    return isMap(config) ? [config] : [];
  });
}

function isCertificate(value: unknown): boolean {
  return typeof value === "string" && Buffer.from(value, "base64").toString().includes("-----BEGIN CERTIFICATE-----");
}

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
  const { output, filled, notes } = fillBundles(input, Buffer.from(cluster.ca).toString("base64"));
  process.stdout.write(output);
  for (const note of notes) process.stderr.write(`${note}\n`);
  process.stderr.write(`caBundle of ${filled} webhook${filled === 1 ? "" : "s"} filled in\n`);
  return filled > 0 ? 0 : 1;
}

export interface Filled {
  output: string;
  filled: number;
  /** What was changed besides. */
  notes: string[];
}

/** A caBundle that is a certificate already stays; comments and everything else too. @param bundle base64 of PEM */
export function fillBundles(input: string, bundle: string): Filled {
  let filled = 0;
  const notes: string[] = [];
  const documents = parseAllDocuments(input);
  if ("empty" in documents) return { output: "", filled, notes };
  for (const document of documents) {
    const [problem] = document.errors;
    if (problem) throw new Error(`the manifest is no YAML: ${problem.message}`);
    notes.push(...modernise(document));
    for (const config of clientConfigs(document)) {
      if (isCertificate(config.get("caBundle"))) continue;
      config.set("caBundle", bundle);
      filled++;
    }
  }
  return { output: documents.map((document) => document.toString({ lineWidth: 0 })).join(""), filled, notes };
}

const old = "admissionregistration.k8s.io/v1beta1";
/** What v1beta1 takes a webhook to say that does not, where v1 takes another thing. v1 has no sideEffects: Unknown. */
const oldDefaults = {
  failurePolicy: "Ignore",
  matchPolicy: "Exact",
  timeoutSeconds: 30,
  admissionReviewVersions: ["v1beta1"],
  sideEffects: "None",
};

/** A configuration of v1beta1, which no cluster since 1.22 takes, as v1 means the same. @returns what the user should know */
function modernise(document: Document): string[] {
  const { contents } = document;
  if (!isMap(contents) || contents.get("apiVersion") !== old || !kinds.has(String(contents.get("kind")))) return [];
  contents.set("apiVersion", old.replace("v1beta1", "v1"));
  const webhooks = contents.get("webhooks");
  const notes = [`${old} is written as v1, with what v1beta1 took for granted`];
  for (const webhook of isSeq(webhooks) ? webhooks.items : []) {
    if (!isMap(webhook)) continue;
    const effects = webhook.get("sideEffects");
    if (effects === "Unknown" || effects === "Some") webhook.delete("sideEffects");
    if (!webhook.has("sideEffects")) {
      notes.push(
        `webhook ${webhook.get("name")}: sideEffects is set to None: see that it changes nothing but its answer`,
      );
    }
    for (const [field, value] of Object.entries(oldDefaults)) {
      if (!webhook.has(field)) webhook.set(field, document.createNode(value));
    }
  }
  return notes;
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

import { ConfigMaps, ServiceAccounts } from "@capstan/api/generated/resources";
import { formatImageName, parseImageName } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import type { Informers } from "@capstan/core/reconcile";
import { type ImageLookup, readPullSecrets } from "@capstan/core/runtime";
import { readYaml } from "../engine/index.ts";
import type { FindCommand, ImageCommand } from "./complete.ts";

export interface CommandFinderOptions {
  client: Client;
  informers: Informers;
  lookup: ImageLookup;
  /** Where the ConfigMap workflow-controller-configmap is, if there is one. */
  configNamespace: string;
}

/** How long what a registry has said of a tag holds, milliseconds. */
const freshness = 600_000;
/** Answers that are kept. */
const kept = 1000;
const configMap = "workflow-controller-configmap";

/** Finds commands as upstream does: in the configuration's `images`, then in the registry with the pod's credentials. */
export function createCommandFinder(options: CommandFinderOptions): FindCommand {
  const { client, informers, lookup, configNamespace } = options;
  const known = new Map<string, { until: number; command: Promise<ImageCommand> }>();
  return async (image, pod) => {
    const said = informers.informer(ConfigMaps).get({ namespace: configNamespace, name: configMap })?.data?.images;
    const configured = said === undefined ? undefined : readImages(said).get(fullName(image));
    if (configured) return configured;
    const { namespace = "" } = pod.metadata;
    // Who may not pull an image does not learn of it from those who may.
    const secrets = pod.spec.imagePullSecrets ?? (await secretsOfAccount(client, pod));
    const key = JSON.stringify([namespace, image, secrets]);
    const found = known.get(key);
    if (found && found.until > Date.now()) return found.command;
    const ask = async () => {
      const whole = { ...pod, spec: { ...pod.spec, imagePullSecrets: secrets } };
      const { credentials } = await readPullSecrets(client, whole, image);
      const { entrypoint, cmd } = await lookup.find(image, credentials);
      return { entrypoint, cmd };
    };
    const command = ask();
    known.delete(key);
    known.set(key, { until: Date.now() + freshness, command });
    command.catch(() => known.delete(key));
    const [oldest] = known.keys();
    if (known.size > kept && oldest !== undefined) known.delete(oldest);
    return command;
  };
}

async function secretsOfAccount(client: Client, { metadata, spec }: Parameters<FindCommand>[1]) {
  const name = spec.serviceAccountName ?? "default";
  const account = await client.find(ServiceAccounts, { namespace: metadata.namespace ?? "", name });
  return account?.imagePullSecrets ?? [];
}

const fullName = (image: string) => {
  const parsed = parseImageName(image);
  return formatImageName(
    parsed.tag === undefined && parsed.digest === undefined ? { ...parsed, tag: "latest" } : parsed,
  );
};

/** `image: {entrypoint: […], cmd: […]}`. @throws Error naming the entry that is none. */
function readImages(text: string): Map<string, ImageCommand> {
  const where = `ConfigMap ${configMap}, images`;
  const all = readYaml(text, where);
  if (typeof all !== "object" || all === null || Array.isArray(all)) throw new Error(`${where} is no object`);
  return new Map(
    Object.entries(all).map(([image, said]): [string, ImageCommand] => {
      const { entrypoint = [], cmd = [] } = (said ?? {}) as Partial<ImageCommand>;
      if (![entrypoint, cmd].every((list) => Array.isArray(list) && list.every((one) => typeof one === "string")))
        throw new Error(`${where}: ${image}: entrypoint and cmd are lists of strings`);
      return [fullName(image), { entrypoint, cmd }];
    }),
  );
}

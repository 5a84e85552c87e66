import type { Container, EnvVar, Pod } from "@capstan/api/generated/core-v1";
import { type Allocatable, fieldValue, type PodAddresses, resourceValue } from "./downward.ts";
import { expand } from "./expand.ts";

/** Where the values of ConfigMaps and Secrets come from; undefined when the object is not there. */
export interface DataSource {
  configMap(namespace: string, name: string): Promise<Record<string, string> | undefined>;
  secret(namespace: string, name: string): Promise<Record<string, Uint8Array> | undefined>;
}

export interface EnvironmentOptions {
  pod: Pod;
  container: Container;
  addresses: PodAddresses;
  allocatable: Allocatable;
  data: DataSource;
  /** Variables of Services, which everything else replaces. */
  services: Record<string, string>;
}

/**
 * The variables of a container, in the order in which $(NAME) sees them. Throws with the kubelet's words when one
 * cannot be made: CreateContainerConfigError.
 */
export async function makeEnvironment(options: EnvironmentOptions): Promise<{ name: string; value: string }[]> {
  const { pod, container, data, services } = options;
  const namespace = pod.metadata.namespace ?? "";
  const result = new Map<string, string>();
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) {
      const map = await data.configMap(namespace, configMapRef.name ?? "");
      if (!map && !configMapRef.optional) throw new Error(`configmap "${configMapRef.name}" not found`);
      for (const [key, value] of Object.entries(map ?? {})) result.set(prefix + key, value);
    }
    if (secretRef) {
      const map = await data.secret(namespace, secretRef.name ?? "");
      if (!map && !secretRef.optional) throw new Error(`secret "${secretRef.name}" not found`);
      for (const [key, value] of Object.entries(map ?? {})) result.set(prefix + key, text(value));
    }
  }
  const own = new Map<string, string>();
  for (const variable of container.env ?? []) {
    const value = await readValue(variable, options, (name) => own.get(name) ?? services[name] ?? result.get(name));
    if (value === undefined) continue;
    own.set(variable.name, value);
    result.set(variable.name, value);
  }
  for (const [name, value] of Object.entries(services)) if (!result.has(name)) result.set(name, value);
  return [...result].map(([name, value]) => ({ name, value }));
}

async function readValue(
  variable: EnvVar,
  { pod, container, addresses, allocatable, data }: EnvironmentOptions,
  known: (name: string) => string | undefined,
): Promise<string | undefined> {
  const { value, valueFrom } = variable;
  if (!valueFrom) return expand(value ?? "", known);
  const namespace = pod.metadata.namespace ?? "";
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
  if (fieldRef) return fieldValue(pod, addresses, fieldRef);
  if (resourceFieldRef) return resourceValue(pod, container, resourceFieldRef, allocatable);
  if (configMapKeyRef) {
    const { name = "", key, optional } = configMapKeyRef;
    const map = await data.configMap(namespace, name);
    if (!map && !optional) throw new Error(`configmap "${name}" not found`);
    if (map && !(key in map) && !optional)
      throw new Error(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    return map?.[key];
  }
  if (secretKeyRef) {
    const { name = "", key, optional } = secretKeyRef;
    const map = await data.secret(namespace, name);
    if (!map && !optional) throw new Error(`secret "${name}" not found`);
    if (map && !(key in map) && !optional) throw new Error(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    const found = map?.[key];
    return found && text(found);
  }
  return "";
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

// Where an artifact lies: which store, under which key, with which Secrets.
import type { SecretKeySelector } from "../../generated/core-v1.ts";
import type { ArtifactLocation } from "./artifact.ts";

/** The stores that have a driver, and the field of their location that says where in it. */
const keyFields = {
  file: "key",
  s3: "key",
  gcs: "key",
  oss: "key",
  hdfs: "path",
  http: "url",
  artifactory: "url",
  git: undefined,
  raw: undefined,
} as const;
export type StoreName = keyof typeof keyFields;

const stores = Object.keys(keyFields) as StoreName[];

type Fields = Record<string, unknown>;

/** The store that a location names; undefined when it names none that has a driver. */
export function storeOf(location: ArtifactLocation | undefined): StoreName | undefined {
  return stores.find((name) => location?.[name]);
}

/** The key, path or address in its store; "" for stores that have none. */
export function locationKey(location: ArtifactLocation | undefined): string {
  const store = storeOf(location);
  const field = store && keyFields[store];
  return field ? String((location?.[store] as Fields | undefined)?.[field] ?? "") : "";
}

/** The same store at another key. */
export function withKey(location: ArtifactLocation, key: string): ArtifactLocation {
  const store = storeOf(location);
  const field = store && keyFields[store];
  return field ? { [store]: { ...(location[store] as Fields), [field]: key } } : location;
}

/** What a location must say of its store so that no repository has to say it. */
const needed: Partial<Record<StoreName, string[]>> = {
  s3: ["endpoint", "bucket"],
  gcs: ["bucket"],
  oss: ["endpoint", "bucket"],
  hdfs: ["addresses"],
};

/** Whether the rest of a location has to come from a repository: it has a key, perhaps, but not its whole store. */
export function isPartial(location: ArtifactLocation): boolean {
  const store = storeOf(location);
  const fields = store && (location[store] as Fields);
  return Boolean(store && needed[store]?.some((name) => !fields?.[name]));
}

/** Whether a location says where its content is. */
export function isLocated(location: ArtifactLocation | undefined): boolean {
  const store = storeOf(location);
  if (!store) return Boolean(location?.azure?.blob);
  return keyFields[store] === undefined || locationKey(location) !== "";
}

/** The Secret keys that a location names, by their path in it. */
export function secretsOf(location: ArtifactLocation | undefined): { path: string; selector: SecretKeySelector }[] {
  const found: { path: string; selector: SecretKeySelector }[] = [];
  const visit = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    for (const [name, inner] of Object.entries(value)) {
      const at = `${path}.${name}`;
      const selector = inner as Partial<SecretKeySelector> | undefined;
      if (name.endsWith("Secret") && selector?.name && selector.key)
        found.push({ path: at, selector: selector as SecretKeySelector });
      else visit(inner, at);
    }
  };
  for (const store of stores) visit(location?.[store], store);
  return found;
}

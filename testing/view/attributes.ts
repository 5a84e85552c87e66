import type { KubeObject } from "@capstan/api/meta";
import type { HttpRequest, Principal } from "@capstan/base/http";
import { type AdmissionPlugin, type Attributes, type Operation, requestInfoOf } from "@capstan/cluster/apiserver";

export interface Write {
  operation?: Operation;
  /** Collection for CREATE, object otherwise. */
  path: string;
  kind: string;
  object?: object;
  oldObject?: object;
  principal?: Principal;
  dryRun?: boolean;
  annotate?: (key: string, value: string) => void;
}

const methods: Record<Operation, HttpRequest["method"]> = {
  CREATE: "POST",
  UPDATE: "PUT",
  DELETE: "DELETE",
  CONNECT: "POST",
};
const admin: Principal = { name: "admin", groups: ["system:masters"] };

/** The attributes of a write, and the warnings that it collects. */
export function attributesFor(write: Write): Attributes & { warnings: string[] } {
  const { operation = "CREATE", path, kind, principal = admin, dryRun = false } = write;
  const info = requestInfoOf(methods[operation], path);
  const object = structuredClone(write.object) as KubeObject | undefined;
  const oldObject = write.oldObject as KubeObject | undefined;
  const { group, version, namespace } = info;
  const warnings: string[] = [];
  return {
    ...{ operation, info, kind: { group, version, kind }, namespace, object, oldObject, dryRun, principal, warnings },
    name: info.name || (object?.metadata.name ?? ""),
    options: {},
    signal: new AbortController().signal,
    warn: (message) => void warnings.push(message),
    ...(write.annotate ? { annotate: write.annotate } : {}),
  };
}

/** Runs plugins as the server does: all that admit, then all that validate. Rejects with what refuses. */
export async function runAdmission<T extends Attributes>(
  plugins: readonly AdmissionPlugin[],
  attributes: T,
): Promise<T> {
  for (const plugin of plugins) await plugin.admit?.(attributes);
  for (const plugin of plugins) await plugin.validate?.(attributes);
  return attributes;
}

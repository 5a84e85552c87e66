import type { KubeObject, ObjectRef } from "@capstan/api/meta";
import type { HttpRequest, Principal } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import { annotate } from "../audit/annotations.ts";
import type { Kind } from "../kind.ts";
import type { Objects } from "../objects.ts";
import type { Registry } from "../registry.ts";
import type { AdmissionPlugin, Attributes, Operation, RequestInfo } from "../request.ts";

/** What every verb works with. */
export interface Core {
  registry: Registry;
  objects: Objects;
  admission: AdmissionPlugin[];
  /** Whether a custom kind is on its way out, so that nothing more of it is created. */
  isTerminating(kind: Kind): boolean;
  log: Logger;
}

/** One request for a resource. */
export interface Call {
  request: HttpRequest;
  info: RequestInfo;
  kind: Kind;
  principal: Principal;
  /** Sent as Warning headers. */
  warnings: string[];
}

export function refOf(call: Call): ObjectRef {
  const { info, kind } = call;
  return kind.namespaced ? { namespace: info.namespace, name: info.name } : { name: info.name };
}

/** The name that a write is recorded under: the query's fieldManager, else the user agent's first word. */
export function managerOf(call: Call): string {
  const given = call.info.query.get("fieldManager");
  if (given) return given;
  return (call.request.headers["user-agent"] ?? "unknown").split(/[/ ]/)[0]?.slice(0, 128) || "unknown";
}

export function attributesOf(
  call: Call,
  operation: Operation,
  objects: { object?: KubeObject; oldObject?: KubeObject; name?: string; kind?: Attributes["kind"] },
  dryRun: boolean,
  options: Record<string, unknown> = {},
): Attributes {
  const { kind, info } = call;
  return {
    operation,
    info,
    kind: objects.kind ?? { group: kind.group, version: kind.version, kind: kind.kind },
    namespace: kind.resource === "namespaces" && kind.group === "" ? info.name : info.namespace,
    name: objects.name ?? info.name,
    ...(objects.object ? { object: objects.object } : {}),
    ...(objects.oldObject ? { oldObject: objects.oldObject } : {}),
    options,
    dryRun,
    principal: call.principal,
    signal: call.request.signal,
    warn: (message) => void call.warnings.push(message),
    annotate: (key, value) => annotate(call.request, key, value),
  };
}

export async function admit(core: Core, attributes: Attributes): Promise<void> {
  for (const plugin of core.admission) {
    // Most have nothing to wait for.
    const pending = plugin.admit?.(attributes);
    if (pending) await pending;
  }
}

export async function validateAdmission(core: Core, attributes: Attributes): Promise<void> {
  for (const plugin of core.admission) {
    const pending = plugin.validate?.(attributes);
    if (pending) await pending;
  }
}

export function settle(core: Core, attributes: Attributes): void {
  for (const plugin of core.admission) plugin.settled?.(attributes);
}

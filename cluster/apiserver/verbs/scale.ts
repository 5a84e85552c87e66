import type { Scale } from "@capstan/api/generated/autoscaling-v1";
import type { LabelSelector } from "@capstan/api/generated/meta-v1";
import { type KubeObject, StatusError } from "@capstan/api/meta";
import { builtinSchema, normalize, TypeMismatch } from "@capstan/api/schema";
import { mediaTypeOf, parseYamlOrJson, readBody } from "../body.ts";
import { FieldErrors } from "../field-errors.ts";
import type { ScalePaths } from "../kind.ts";
import { applyFields } from "../managed-fields/index.ts";
import { encodeObject, type Written } from "../objects.ts";
import { pathNotFound } from "../registry.ts";
import { selectorText as textOf } from "../table/selector-text.ts";
import { checkType } from "./apply.ts";
import { type Call, type Core, managerOf, refOf } from "./call.ts";
import { readPatch } from "./patch.ts";
import { change, checkName } from "./update.ts";
import { writeOptionsOf } from "./write-options.ts";

const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" };

const pathsOf = ({ kind }: Call): ScalePaths => {
  if (!kind.scale) throw pathNotFound();
  return kind.scale;
};

export async function readScale(core: Core, call: Call): Promise<Written> {
  const { kind } = call;
  const object = core.objects.read(kind, await core.objects.served(kind, core.objects.require(kind, refOf(call))));
  const paths = pathsOf(call);
  if (kind.custom && read(object, paths.spec) === undefined) {
    const message = `the spec replicas field ${JSON.stringify(paths.spec)} does not exist`;
    throw new StatusError("InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });
  }
  return asWritten(scaleOf(object, paths));
}

/** PUT or PATCH of `/scale`: writes the replicas of the object alone. */
export async function writeScale(core: Core, call: Call): Promise<Written> {
  const paths = pathsOf(call);
  const type = mediaTypeOf(call.request);
  if (call.info.verb === "patch" && type === "application/apply-patch+yaml") return applyScale(core, call, paths);
  const body = call.info.verb === "update" ? (await readBody(call.request)).value : undefined;
  const patcher =
    body === undefined ? readPatch({ ...call, kind: { ...call.kind, schema: scaleSchema() } }, type) : undefined;
  const { dryRun } = writeOptionsOf(call, body === undefined ? "PatchOptions" : "UpdateOptions");
  const written = await change(core, call, {
    dryRun,
    manager: managerOf(call),
    subresource: "scale",
    operationKind: scaleKind,
    next(old) {
      const wanted = (patcher ? patcher.applyTo(scaleOf(old, paths)) : structuredClone(body)) as Scale;
      checkScale(call, wanted);
      write(old, paths.spec, wanted.spec?.replicas ?? 0);
      if (
        wanted.metadata?.resourceVersion &&
        (body !== undefined || wanted.metadata.resourceVersion !== old.metadata.resourceVersion)
      ) {
        old.metadata.resourceVersion = wanted.metadata.resourceVersion;
      } else delete old.metadata.resourceVersion;
      return old;
    },
  });
  return asWritten(scaleOf(written.object, paths));
}

/** Server-side apply of a Scale: its replicas are the object's. */
async function applyScale(core: Core, call: Call, paths: ScalePaths): Promise<Written> {
  const { kind, info } = call;
  const { dryRun, force } = writeOptionsOf(call, "PatchOptions", true);
  const { value } = await parseYamlOrJson(call.request.body ?? new Uint8Array());
  checkType(call, value ?? {}, scaleKind);
  const scale = value as Scale;
  scale.metadata ??= { name: "" };
  scale.metadata.name ||= info.name;
  checkScale(call, structuredClone(scale));
  const manager = info.query.get("fieldManager") ?? "";
  const written = await change(core, call, {
    dryRun,
    manager: "",
    subresource: "scale",
    operationKind: scaleKind,
    next(old) {
      const config = { apiVersion: old.apiVersion, kind: old.kind, metadata: { name: info.name } } as KubeObject;
      if (scale.spec?.replicas !== undefined) write(config, paths.spec, scale.spec.replicas);
      const by = { manager, subresource: "scale", force, speaks: "autoscaling/v1" };
      const merged = applyFields(kind, old, config, by);
      if (scale.metadata.resourceVersion) merged.metadata.resourceVersion = scale.metadata.resourceVersion;
      else delete merged.metadata.resourceVersion;
      return merged;
    },
  });
  return asWritten(scaleOf(written.object, paths));
}

const scaleSchema = () => builtinSchema("autoscaling/v1.Scale");

function checkScale({ kind, info }: Call, scale: Scale): void {
  try {
    normalize(scale, scaleSchema());
  } catch (thrown) {
    if (thrown instanceof TypeMismatch) throw new StatusError("BadRequest", thrown.message);
    throw thrown;
  }
  checkName(scale.metadata?.name, info.name);
  const errors = new FieldErrors();
  const replicas = scale.spec?.replicas ?? 0;
  if (kind.custom) {
    if (replicas < 0) errors.invalid(kind.scale?.spec ?? "", replicas, "should be a non-negative integer");
    errors.throwFor(kind, info.name);
  }
  if (replicas < 0) errors.invalid("spec.replicas", replicas, "must be greater than or equal to 0");
  errors.throwFor(scaleKind, info.name);
}

function scaleOf(object: KubeObject, paths: ScalePaths): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.selector ? selectorText(object, paths.selector) : undefined;
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp },
    spec: { replicas: Number(read(object, paths.spec) ?? 0) },
    status: { replicas: Number(read(object, paths.status) ?? 0), ...(selector ? { selector } : {}) },
  };
}

/** Built-in kinds hold a selector in their spec, custom ones its text in their status. */
function selectorText(object: KubeObject, path: string): string | undefined {
  const own = read(object, path);
  if (typeof own === "string") return own;
  const { spec } = object as KubeObject & { spec?: { selector?: LabelSelector } };
  return typeof spec?.selector === "object" ? textOf(spec.selector) : undefined;
}

function read(object: unknown, path: string): unknown {
  let value = object;
  for (const part of path.split(".").slice(1)) value = (value as Record<string, unknown> | undefined)?.[part];
  return value;
}

function write(object: unknown, path: string, value: unknown): void {
  const parts = path.split(".").slice(1);
  let target = object as Record<string, unknown>;
  for (const part of parts.slice(0, -1)) {
    target[part] ??= {};
    target = target[part] as Record<string, unknown>;
  }
  target[parts.at(-1) as string] = value;
}

const asWritten = (scale: Scale): Written => ({ object: scale as unknown as KubeObject, bytes: encodeObject(scale) });

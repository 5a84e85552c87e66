import type { Outputs, Parameter, ResourceTemplate } from "@capstan/api/kinds/workflow";
import { isReason, type KubeObject, type ObjectRef, type Resource } from "@capstan/api/meta";
import { sleep } from "@capstan/base/async";
import { holdsFor as holds, kubectlJsonPath, parseConditions, queryJq } from "@capstan/operators/workflow";
import { report } from "../report.ts";
import type { Step } from "../step.ts";
import { act } from "./act.ts";
import { parseFlags } from "./flags.ts";
import { findTargets } from "./target.ts";

export async function runResource(step: Step): Promise<number> {
  const template = step.template.resource;
  if (!template) throw new Error("the template is not of type resource");
  const conditions = {
    success: parseConditions(template.successCondition ?? ""),
    failure: parseConditions(template.failureCondition ?? ""),
  };
  const flags = parseFlags(template.flags ?? []);
  const targets = await findTargets(step, template, flags);
  const [target] = targets;
  if (!target) throw new Error("resource.manifest names no object");
  if (template.action !== "delete" && (targets.length > 1 || (!target.ref.name && !isNamed(target.manifest))))
    throw new Error(`resource.action ${template.action} needs one object with a name: only delete takes many`);
  let object: KubeObject | undefined;
  for (const one of targets) object = await act(step, template, one, flags);
  const { kind } = target.resource;
  step.container.print(`${template.action}: ${kind} ${object?.metadata.name ?? target.ref.name}`);
  if (!object) {
    await report(step, { outputs: await outputsOf(step, undefined), complete: true });
    return 0;
  }
  const ref = { ...target.ref, name: object.metadata.name };
  const last = await waitUntil(step, template, conditions, { resource: target.resource, ref, object });
  if (!last) return 143;
  await report(step, { outputs: await outputsOf(step, last), complete: true });
  return 0;
}

const isNamed = (manifest: unknown) => {
  const { metadata } = (manifest ?? {}) as Partial<KubeObject>;
  return Boolean(metadata?.name || metadata?.generateName);
};

type Conditions = Record<"success" | "failure", ReturnType<typeof parseConditions>>;

interface Watched {
  resource: Resource<KubeObject>;
  ref: ObjectRef;
  object: KubeObject;
}

/** The first state in which the template succeeds; undefined when the container is stopped before. @throws Error when it fails. */
async function waitUntil(
  step: Step,
  template: ResourceTemplate,
  { success, failure }: Conditions,
  watched: Watched,
): Promise<KubeObject | undefined> {
  if (success.length + failure.length === 0) return watched.object;
  for await (const object of statesOf(step, watched)) {
    const failed = failure.some((condition) => holds(condition, object));
    if (failed) throw new Error(`failure condition '${template.failureCondition}' evaluated true`);
    // Without a condition of success the first look decides, as upstream has it.
    if (success.every((condition) => holds(condition, object))) return object;
  }
  return undefined;
}

/** Milliseconds between looks at what may be got but not watched. Source: upstream's RESOURCE_STATE_CHECK_INTERVAL. */
const lookEvery = 5000;

/** States of the object as they come, until the container is stopped. @throws Error when it is deleted. */
async function* statesOf({ client, container }: Step, { resource, ref }: Watched): AsyncGenerator<KubeObject> {
  const { signal } = container;
  const name = `${resource.kind} ${ref.namespace ? `${ref.namespace}/` : ""}${ref.name}`;
  const gone = () => new Error(`${name} was deleted while its conditions were waited for`);
  const where = { fieldSelector: `metadata.name=${ref.name}`, signal };
  while (!signal.aborted) {
    try {
      let seen = false;
      for await (const event of client.watch(resource, {
        ...where,
        ...(ref.namespace ? { namespace: ref.namespace } : {}),
      })) {
        if (event.type === "DELETED" || (event.type === "BOOKMARK" && !seen)) throw gone();
        if (event.type === "BOOKMARK") continue;
        seen = true;
        yield event.object;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isReason(error, "Expired", "Gone")) continue;
      if (!isReason(error, "Forbidden")) throw error;
      break;
    }
  }
  // The account may not watch.
  while (!signal.aborted) {
    const object = await client.find(resource, ref);
    if (!object) throw gone();
    yield object;
    await sleep(lookEvery, signal);
  }
}

/** @param object absent where there is none: what has a default has it, all else is empty. */
async function outputsOf({ template }: Step, object: KubeObject | undefined): Promise<Outputs> {
  const parameters: Parameter[] = [];
  for (const { valueFrom, ...parameter } of template.outputs?.parameters ?? []) {
    if (!valueFrom) continue;
    const { jsonPath, jqFilter, default: otherwise } = valueFrom;
    if (!object) parameters.push({ ...parameter, value: otherwise ?? "" });
    if (!object || (!jsonPath && !jqFilter)) continue;
    try {
      const value = jsonPath ? kubectlJsonPath(jsonPath, object) : await queryJq(jqFilter ?? "", object);
      parameters.push({ ...parameter, value });
    } catch (error) {
      if (otherwise === undefined) throw new Error(`output parameter ${parameter.name}: ${(error as Error).message}`);
      parameters.push({ ...parameter, value: otherwise });
    }
  }
  return parameters.length > 0 ? { parameters } : {};
}

// What each type of template needs and may not have.
import type { Template, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { problemsOf } from "../engine/pod/set-retries.ts";
import { readYaml } from "../engine/pod/yaml.ts";
import { type TemplateType, typeOf } from "../engine/templates.ts";
import { checkEnum, checkFieldNames } from "./arguments.ts";
import type { Problem } from "./shape.ts";
import { checkTemplateTypes } from "./types.ts";

type Report = (field: string, message: string) => void;

/** @param defaults of the spec that the template is in. */
export function checkBody(
  template: Template,
  defaults: WorkflowSpec["templateDefaults"],
  path: string,
  problems: Problem[],
): void {
  const report: Report = (field, message) => problems.push({ path: field ? `${path}.${field}` : path, message });
  const type = typeOf(template);
  const isBody = type === "steps" || type === "dag";
  for (const kind of ["inputs", "outputs"] as const) {
    checkFieldNames(template[kind]?.parameters ?? [], `${path}.${kind}.parameters`, problems);
    checkFieldNames(template[kind]?.artifacts ?? [], `${path}.${kind}.artifacts`, problems);
    for (const [i, artifact] of (template[kind]?.artifacts ?? []).entries()) {
      if (isBody && artifact.path) report(`${kind}.artifacts[${i}].path`, "only what runs in a pod has paths");
    }
  }
  for (const [i, parameter] of (template.inputs?.parameters ?? []).entries()) {
    checkEnum(parameter, `${path}.inputs.parameters[${i}]`, problems);
  }
  checkTemplateTypes(template, path, problems);
  for (const [i, { from }] of (template.inputs?.artifacts ?? []).entries()) {
    if (from) report(`inputs.artifacts[${i}].from`, "is for arguments and outputs");
  }
  if (isBody) {
    const own = template.activeDeadlineSeconds !== defaults?.activeDeadlineSeconds;
    if (own && template.activeDeadlineSeconds !== undefined)
      report("activeDeadlineSeconds", "only what runs in a pod has a deadline: set the workflow's");
    if (template.timeout && template.timeout !== defaults?.timeout)
      report("timeout", "only what runs in a pod has a timeout");
  } else if (template.parallelism !== undefined) report("parallelism", "is for steps and dag templates");
  const deadline = template.activeDeadlineSeconds;
  if (deadline !== undefined && Number(deadline) < 0) report("activeDeadlineSeconds", "must not be negative");
  checkPod(template, defaults, report);
  if (template.containerSet) checkContainerSet(template, report);
  if (template.resource) checkManifest(template, report);
  checkOutputs(template, type, report);
  checkMetrics(template, report);
}

function checkPod(template: Template, defaults: Template | undefined, report: Report): void {
  const { container, script } = template;
  if (container && !container.image && !defaults?.container?.image) report("container.image", "is required");
  if (script && !script.image && !defaults?.script?.image) report("script.image", "is required");
  for (const [i, { name }] of (template.initContainers ?? []).entries()) {
    if (!name) report(`initContainers[${i}].name`, "is required");
  }
  const mounts = new Map<string, string>();
  for (const [i, { mountPath, name }] of (container?.volumeMounts ?? []).entries()) {
    const before = mounts.get(mountPath);
    if (before) report(`container.volumeMounts[${i}].mountPath`, `${mountPath} is already mounted from ${before}`);
    mounts.set(mountPath, `volume ${name}`);
  }
  for (const [i, { path, name }] of (container ? (template.inputs?.artifacts ?? []) : []).entries()) {
    const before = path && mounts.get(path);
    if (before) report(`inputs.artifacts[${i}].path`, `${path} is already mounted from ${before}`);
    if (path) mounts.set(path, `artifact ${name}`);
  }
}

function checkContainerSet({ containerSet, inputs, outputs }: Template, report: Report): void {
  const containers = containerSet?.containers ?? [];
  const names = new Set(containers.map(({ name }) => name));
  if (containers.length === 0) report("containerSet.containers", "needs at least one container");
  const seen = new Set<string>();
  for (const [i, { name, dependencies }] of containers.entries()) {
    if (seen.has(name)) report(`containerSet.containers[${i}].name`, `${name} is there twice`);
    seen.add(name);
    for (const need of dependencies ?? []) {
      if (!names.has(need)) report(`containerSet.containers[${i}].dependencies`, `there is no container ${need}`);
    }
  }
  const moves = inputs?.artifacts?.length || outputs?.parameters?.length || outputs?.artifacts?.length;
  if (moves && !names.has("main"))
    report("containerSet.containers", "one must be called main to have inputs or outputs");
  const strategy = containerSet?.retryStrategy;
  if (!strategy) return;
  for (const [field, message] of problemsOf(strategy)) {
    // What tags stand for is looked at when the pod is made.
    const isLate = String(strategy[field]).includes("{{");
    if (!isLate) report(`containerSet.retryStrategy.${field}`, message);
  }
}

function checkManifest({ resource }: Template, report: Report): void {
  if (!resource || resource.action === "delete" || resource.action === "get") return;
  if (!resource.manifest && !resource.manifestFrom) report("resource.manifest", "manifest or manifestFrom is required");
  if (!resource.manifest) return;
  // Tags may stand where YAML would have something else.
  const text = resource.manifest.replace(/\{\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}\}/g, "placeholder");
  try {
    readYaml(text, "resource.manifest");
  } catch (error) {
    report("resource.manifest", `must be YAML: ${(error as Error).message.split("\n")[0]}`);
  }
}

const sources = ["path", "jqFilter", "jsonPath", "parameter", "expression", "supplied"] as const;
const allowed: Partial<Record<TemplateType, readonly string[]>> = {
  container: ["path"],
  containerSet: ["path"],
  script: ["path"],
  resource: ["jqFilter", "jsonPath"],
  steps: ["parameter", "expression"],
  dag: ["parameter", "expression"],
};

function checkOutputs({ outputs }: Template, type: TemplateType | undefined, report: Report): void {
  for (const [i, { value, valueFrom }] of (outputs?.parameters ?? []).entries()) {
    const at = `outputs.parameters[${i}]`;
    if (value !== undefined) {
      if (valueFrom) report(at, "only one of value and valueFrom may be given");
      continue;
    }
    if (!valueFrom) {
      report(at, "value or valueFrom is required");
      continue;
    }
    const given = sources.filter((source) => valueFrom[source] !== undefined && valueFrom[source] !== "");
    const fit = (type && allowed[type]) ?? sources;
    if (given.length > 1) report(`${at}.valueFrom`, `only one of ${given.join(", ")} may be given`);
    else if (!given[0] || !fit.includes(given[0])) {
      const wanted = `one of ${fit.join(", ")} is required`;
      report(`${at}.valueFrom`, type ? `${wanted} in a template of type ${type}` : wanted);
    }
  }
}

const metricName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function checkMetrics({ metrics }: Template, report: Report): void {
  for (const [i, { name, help, labels, gauge, counter, histogram }] of (metrics?.prometheus ?? []).entries()) {
    const at = `metrics.prometheus[${i}]`;
    if (!metricName.test(name)) report(`${at}.name`, `${JSON.stringify(name)} must be of letters, digits and _`);
    if (!help) report(`${at}.help`, "is required");
    for (const [j, { key }] of (labels ?? []).entries()) {
      if (!metricName.test(key))
        report(`${at}.labels[${j}].key`, `${JSON.stringify(key)} must be of letters, digits and _`);
    }
    for (const [field, kind] of Object.entries({ gauge, counter, histogram })) {
      if (kind && !kind.value) report(`${at}.${field}.value`, "is required");
    }
    if (gauge?.realtime && gauge.value?.includes("resourcesDuration.")) {
      report(`${at}.gauge.value`, "resourcesDuration is known only at the end: realtime cannot use it");
    }
  }
}

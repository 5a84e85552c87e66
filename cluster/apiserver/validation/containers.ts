// Source: upstream's pkg/apis/core/validation, for the containers of pods and pod templates.
import type {
  Container,
  EnvVar,
  Lifecycle,
  Probe,
  ResourceRequirements,
  SecurityContext,
} from "@capstan/api/generated/core-v1";
import { isQuantity, parseQuantity, qualifiedNameProblems } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import { isDnsLabel, labelDetail } from "../metadata.ts";
import { checkNotNegative, checkOneOf, checkPort, checkPortName, checkQuantity, checkUserId } from "./values.ts";

/** @param volumes names that may be mounted. @param names taken so far: container names are unique in a pod. */
export function checkContainers(
  containers: Container[],
  field: string,
  volumes: ReadonlySet<string>,
  names: Set<string>,
  errors: FieldErrors,
): void {
  for (const [i, container] of containers.entries()) {
    const at = `${field}[${i}]`;
    const { name, image } = container;
    if (!name) errors.required(`${at}.name`);
    else if (!isDnsLabel(name)) errors.invalid(`${at}.name`, name, labelDetail);
    else if (names.has(name)) errors.duplicate(`${at}.name`, name);
    names.add(name);
    if (!image) errors.required(`${at}.image`);
    else if (image !== image.trim())
      errors.invalid(`${at}.image`, image, "must not have leading or trailing whitespace");
    if (container.imagePullPolicy)
      checkOneOf(container.imagePullPolicy, ["Always", "IfNotPresent", "Never"], `${at}.imagePullPolicy`, errors);
    if (container.terminationMessagePolicy) {
      checkOneOf(
        container.terminationMessagePolicy,
        ["FallbackToLogsOnError", "File"],
        `${at}.terminationMessagePolicy`,
        errors,
      );
    }
    checkPorts(container, at, errors);
    checkEnv(container.env ?? [], `${at}.env`, errors);
    checkMounts(container, at, volumes, errors);
    checkResources(container.resources, `${at}.resources`, errors);
    checkProbe(container.livenessProbe, `${at}.livenessProbe`, errors, true);
    checkProbe(container.readinessProbe, `${at}.readinessProbe`, errors, false);
    checkProbe(container.startupProbe, `${at}.startupProbe`, errors, true);
    checkLifecycle(container.lifecycle, `${at}.lifecycle`, errors);
    checkSecurity(container.securityContext, `${at}.securityContext`, errors);
  }
}

function checkPorts(container: Container, at: string, errors: FieldErrors): void {
  const names = new Set<string>();
  for (const [i, port] of (container.ports ?? []).entries()) {
    const field = `${at}.ports[${i}]`;
    if (port.name) {
      checkPortName(port.name, `${field}.name`, errors);
      if (names.has(port.name)) errors.duplicate(`${field}.name`, port.name);
      names.add(port.name);
    }
    if (!port.containerPort) errors.required(`${field}.containerPort`);
    else checkPort(port.containerPort, `${field}.containerPort`, errors);
    if (port.hostPort) checkPort(port.hostPort, `${field}.hostPort`, errors);
    checkOneOf(port.protocol, ["SCTP", "TCP", "UDP"], `${field}.protocol`, errors);
  }
}

const printable = /^[\x20-\x3c\x3e-\x7e]+$/;

function checkEnv(env: EnvVar[], field: string, errors: FieldErrors): void {
  for (let i = 0; i < env.length; i++) {
    const { name, value, valueFrom } = env[i] as EnvVar;
    if (name && !valueFrom && printable.test(name)) continue;
    const at = `${field}[${i}]`;
    if (!name) errors.required(`${at}.name`);
    else if (!printable.test(name)) {
      errors.invalid(
        `${at}.name`,
        name,
        "a valid environment variable name must consist only of printable ASCII characters other than '='",
      );
    }
    if (!valueFrom) continue;
    const sources = [
      valueFrom.fieldRef,
      valueFrom.resourceFieldRef,
      valueFrom.configMapKeyRef,
      valueFrom.secretKeyRef,
    ].filter(Boolean);
    if (sources.length === 0) {
      errors.invalid(
        `${at}.valueFrom`,
        "",
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
      );
    } else if (value) errors.invalid(`${at}.valueFrom`, "", "may not be specified when `value` is not empty");
    else if (sources.length > 1)
      errors.invalid(`${at}.valueFrom`, "", "may not have more than one field specified at a time");
    for (const kind of ["configMapKeyRef", "secretKeyRef"] as const) {
      const ref = valueFrom[kind];
      if (ref && !ref.key) errors.required(`${at}.valueFrom.${kind}.key`);
      if (ref && !ref.name) errors.required(`${at}.valueFrom.${kind}.name`);
    }
    checkFieldPath(valueFrom.fieldRef?.fieldPath, valueFrom.fieldRef !== undefined, `${at}.valueFrom.fieldRef`, errors);
  }
}

/** Source: upstream's pod field label conversions, and validEnvDownwardAPIFieldPathExpressions. */
const knownPaths =
  /^(metadata\.(name|namespace|uid|labels|annotations)(\['.+'\])?|spec\.(nodeName|restartPolicy|serviceAccountName|schedulerName)|status\.(phase|hostIP|hostIPs|podIP|podIPs))$/;

function checkFieldPath(path: string | undefined, given: boolean, field: string, errors: FieldErrors): void {
  if (!given) return;
  if (!path) errors.required(`${field}.fieldPath`);
  else if (!knownPaths.test(path)) {
    const detail = `error converting fieldPath: field label not supported: ${path}`;
    errors.invalid(`${field}.fieldPath`, path, detail);
  }
}

function checkMounts(container: Container, at: string, volumes: ReadonlySet<string>, errors: FieldErrors): void {
  const paths = new Set<string>();
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    const field = `${at}.volumeMounts[${i}]`;
    if (!mount.name) errors.required(`${field}.name`);
    else if (!volumes.has(mount.name)) errors.notFound(`${field}.name`, mount.name);
    if (!mount.mountPath) errors.required(`${field}.mountPath`);
    else if (paths.has(mount.mountPath)) errors.invalid(`${field}.mountPath`, mount.mountPath, "must be unique");
    paths.add(mount.mountPath);
    if (mount.subPath?.startsWith("/")) errors.invalid(`${field}.subPath`, mount.subPath, "must be a relative path");
    if (mount.subPath?.split("/").includes(".."))
      errors.invalid(`${field}.subPath`, mount.subPath, "must not contain '..'");
  }
}

export function checkResources(resources: ResourceRequirements | undefined, field: string, errors: FieldErrors): void {
  for (const part of ["limits", "requests"] as const) {
    for (const [name, value] of Object.entries(resources?.[part] ?? {})) {
      const at = `${field}.${part}[${name}]`;
      for (const problem of qualifiedNameProblems(name)) errors.invalid(at, name, problem);
      if (!name.includes("/") && !standardResources.test(name)) {
        errors.invalid(at, name, "must be a standard resource for containers");
      }
      const countable = name.includes("/") && !/(^|\.)kubernetes\.io\//.test(name);
      if (countable && isQuantity(value) && !Number.isInteger(parseQuantity(value))) {
        errors.invalid(at, value, "must be an integer");
      }
      checkQuantity(value, `${field}.${part}[${name}]`, errors);
    }
  }
  for (const [name, request] of Object.entries(resources?.requests ?? {})) {
    const limit = resources?.limits?.[name];
    if (limit === undefined || !isQuantity(limit) || !isQuantity(request)) continue;
    if (parseQuantity(request) > parseQuantity(limit)) {
      errors.invalid(`${field}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`);
    }
  }
}

/** Source: core's standardContainerResources. */
const standardResources = /^(cpu|memory|ephemeral-storage|hugepages-.+)$/;

type Handler = Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc">;

function checkHandler(handler: Handler & { sleep?: object }, field: string, errors: FieldErrors): void {
  const kinds = (["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const).filter((kind) => handler[kind]);
  if (kinds.length === 0) errors.required(field, "must specify a handler type");
  for (const kind of kinds.slice(1)) errors.forbidden(`${field}.${kind}`, "may not specify more than 1 handler type");
  if (handler.exec && !handler.exec.command?.length) errors.required(`${field}.exec.command`);
  if (handler.httpGet) {
    checkPort(handler.httpGet.port, `${field}.httpGet.port`, errors);
    checkOneOf(handler.httpGet.scheme, ["HTTP", "HTTPS"], `${field}.httpGet.scheme`, errors);
  }
  if (handler.tcpSocket) checkPort(handler.tcpSocket.port, `${field}.tcpSocket.port`, errors);
  if (handler.grpc) checkPort(handler.grpc.port, `${field}.grpc.port`, errors);
}

function checkProbe(probe: Probe | undefined, field: string, errors: FieldErrors, once: boolean): void {
  if (!probe) return;
  checkHandler(probe, field, errors);
  for (const name of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const) {
    checkNotNegative(probe[name], `${field}.${name}`, errors);
  }
  if (once && probe.successThreshold !== 1)
    errors.invalid(`${field}.successThreshold`, probe.successThreshold, "must be 1");
}

function checkSecurity(context: SecurityContext | undefined, field: string, errors: FieldErrors): void {
  for (const name of ["runAsUser", "runAsGroup"] as const) checkUserId(context?.[name], `${field}.${name}`, errors);
  if (context?.allowPrivilegeEscalation !== false) return;
  if (context.privileged) {
    errors.invalid(field, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  }
  if (context.capabilities?.add?.some((name) => name === "CAP_SYS_ADMIN")) {
    const detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
    errors.invalid(field, context, detail);
  }
}

function checkLifecycle(lifecycle: Lifecycle | undefined, field: string, errors: FieldErrors): void {
  if (lifecycle?.postStart) checkHandler(lifecycle.postStart, `${field}.postStart`, errors);
  if (lifecycle?.preStop) checkHandler(lifecycle.preStop, `${field}.preStop`, errors);
}

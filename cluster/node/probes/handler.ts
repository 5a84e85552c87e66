// One try of a probe or of a lifecycle hook. Words of failures as the kubelet's.
import type { Container, HTTPGetAction, LifecycleHandler, Probe } from "@capstan/api/generated/core-v1";
import { release } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import { RuntimeError, type RuntimeService } from "@capstan/core/runtime";
import { checkGrpc } from "./grpc.ts";
import { get, probeConnection } from "./http.ts";

export interface ProbeTarget {
  runtime: RuntimeService;
  containerId: string;
  container: Container;
  /** The pod's address; of a pod on the node's network the node's. */
  address: string;
}

export interface ProbeResult {
  healthy: boolean;
  message: string;
  /** It passes, and yet something is wrong that an event should say. */
  warning?: string;
}

/** As the kubelet's user agents have it, such as 1.34. */
const minor = release.slice(1).split(".", 2).join(".");

/** Never rejects: what goes wrong is an unhealthy result. */
export async function tryProbe(probe: Probe, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.exec) return await tryExec(probe.exec.command ?? [], target, timeoutMs);
    const over = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    if (probe.httpGet) return await tryHttp(probe.httpGet, target, over);
    if (probe.tcpSocket) {
      const { host, port } = probe.tcpSocket;
      await probeConnection(host || target.address, portOf(port, target.container), over);
      return { healthy: true, message: "" };
    }
    if (probe.grpc) return await checkGrpc(target.address, probe.grpc.port, probe.grpc.service ?? "", over);
    return { healthy: false, message: "missing probe handler" };
  } catch (error) {
    return { healthy: false, message: messageOf(error) };
  }
}

async function tryExec(command: string[], target: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  try {
    const { exitCode, stdout, stderr } = await target.runtime.execSync(target.containerId, command, timeoutMs);
    // The kubelet keeps 10 KiB.
    return {
      healthy: exitCode === 0,
      message: Buffer.concat([stdout, stderr]).toString("utf8").slice(0, 10_240).trimEnd(),
    };
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "Timeout") {
      return {
        healthy: false,
        message: `command timed out: "${command.join(" ")}" timed out after ${timeoutMs / 1000}s`,
      };
    }
    throw error;
  }
}

async function tryHttp(action: HTTPGetAction, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  const { status, body, terminatedRedirect } = await get(requestOf(action, target, `kube-probe/${minor}`), signal);
  if (terminatedRedirect) {
    const warning = `Probe terminated redirects, Response body: ${body}`;
    return { healthy: true, message: warning, warning };
  }
  if (status >= 200 && status < 400) return { healthy: true, message: body };
  return { healthy: false, message: `HTTP probe failed with statuscode: ${status}` };
}

function requestOf({ scheme, host, port, path, httpHeaders }: HTTPGetAction, target: ProbeTarget, agent: string) {
  const { address, container } = target;
  return {
    secure: scheme === "HTTPS",
    host: host || address,
    port: portOf(port, container),
    path: path || "/",
    headers: headersOf(httpHeaders, agent),
  };
}

/** Of several values for a name all are sent; an empty Accept takes the usual one away. Source: pkg/probe/http. */
function headersOf(given: HTTPGetAction["httpHeaders"] = [], agent: string): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const { name, value = "" } of given) {
    const key = name.toLowerCase();
    headers[key] = [...(headers[key] ?? []), value];
  }
  headers["user-agent"] ??= [agent];
  if (headers.accept?.[0] === "") delete headers.accept;
  else headers.accept ??= ["*/*"];
  return headers;
}

function portOf(port: string | number, container: Container): number {
  const number = Number(port);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  const named = (container.ports ?? []).find(({ name }) => name === port);
  if (!named) throw new Error(`couldn't find port "${port}" in container ${container.name}`);
  return named.containerPort;
}

/** Runs a hook to its end. @throws with what went wrong. */
export async function runHook(hook: LifecycleHandler, target: ProbeTarget, signal: AbortSignal): Promise<void> {
  if (hook.exec) {
    const command = hook.exec.command ?? [];
    const running = target.runtime.execSync(target.containerId, command);
    const { exitCode, stdout, stderr } = await Promise.race([running, stopped(signal)]);
    if (exitCode === 0) return;
    const output = Buffer.concat([stdout, stderr]).toString("utf8").slice(0, 1024).trimEnd();
    throw new Error(`command '${command.join(" ")}' exited with ${exitCode}: ${output}`);
  }
  if (hook.httpGet) {
    await get(requestOf(hook.httpGet, target, `kube-lifecycle/${minor}`), signal);
  } else if (hook.sleep) {
    const timer = AbortSignal.timeout(hook.sleep.seconds * 1000);
    await new Promise<void>((resolve) => {
      for (const one of [timer, signal]) one.addEventListener("abort", () => resolve(), { once: true });
      if (signal.aborted) resolve();
    });
  } else {
    // The API still has the field, but no node has ever opened a socket for a hook.
    const kind = Object.keys(hook)[0] ?? "none";
    throw new Error(`lifecycle handler ${kind} is not supported: use exec, httpGet or sleep`);
  }
}

function stopped(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(new Error("the container was stopped meanwhile"));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}

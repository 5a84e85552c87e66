import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import type { Container, Pod } from "@capstan/api/generated/core-v1";
import type { Template } from "@capstan/api/kinds/workflow";
import { deferred } from "@capstan/base/async";
import type { InProcessContainer } from "@capstan/core/runtime";

/** How another container of the pod behaves. */
export interface PaperContainer {
  exitCode?: number;
  stdout?: string;
  /** Runs until it is told to end. */
  untilKilled?: boolean;
}

const startedAt = "2026-01-02T03:04:05Z";

/** Directories stand for volumes and for the roots of containers. Dispose of it to remove them. */
export class PaperPod implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "capstan-paper-"));
  readonly pod: Pod;
  readonly printed: string[] = [];
  readonly killed: string[] = [];
  readonly #template: Template;
  readonly #others: Record<string, PaperContainer>;
  readonly #ends = new Map<string, ReturnType<typeof deferred<number>>>();

  constructor(template: Template, containers: Container[], others: Record<string, PaperContainer> = {}) {
    this.#template = template;
    this.#others = others;
    const init = containers.filter(({ name }) => name === "init");
    this.pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "wf-t-1", namespace: "default", uid: "pod-1" },
      spec: { initContainers: init, containers: containers.filter(({ name }) => name !== "init") },
    };
    for (const [name, { exitCode = 0, untilKilled }] of Object.entries(others)) {
      const end = deferred<number>();
      if (!untilKilled) end.resolve(exitCode);
      this.#ends.set(name, end);
    }
    const token = this.resolve("wait", "/var/run/secrets/kubernetes.io/serviceaccount");
    mkdirSync(token, { recursive: true });
  }

  /** Where a path of a container is. */
  resolve(container: string, path: string): string {
    const all = [...(this.pod.spec.initContainers ?? []), ...this.pod.spec.containers];
    const spec = all.find(({ name }) => name === container);
    const clean = posix.normalize(path);
    const mount = (spec?.volumeMounts ?? [])
      .filter(({ mountPath }) => clean === mountPath || clean.startsWith(`${mountPath}/`))
      .sort((a, b) => b.mountPath.length - a.mountPath.length)[0];
    const base = mount
      ? join(this.directory, "volumes", mount.name, mount.subPath ?? "")
      : join(this.directory, "roots", container);
    mkdirSync(join(this.directory, "volumes"), { recursive: true });
    return join(base, mount ? clean.slice(mount.mountPath.length) : clean);
  }

  /** The container as its program gets it. */
  container(name: string, env: Record<string, string> = {}): InProcessContainer {
    const end = (of: string) => this.#ends.get(of) ?? Promise.reject(new Error(`the pod has no container ${of}`));
    const others = this.#others;
    return {
      pod: this.pod,
      name,
      command: ["argoexec"],
      args: [name === "main" ? "resource" : name],
      env: {
        ARGO_TEMPLATE: JSON.stringify(this.#template),
        ARGO_NODE_ID: "wf-1",
        ARGO_WORKFLOW_NAME: "wf",
        ARGO_WORKFLOW_UID: "uid-1",
        ARGO_INCLUDE_SCRIPT_OUTPUT: "false",
        ...env,
      },
      resolve: (of, path) => this.resolve(of, path),
      waitFor: async (of) => {
        const exitCode = await (await end(of)).promise;
        return { exitCode, reason: exitCode === 0 ? "Completed" : "Error", startedAt, finishedAt: startedAt };
      },
      started: async (of) => void (await end(of)),
      kill: (of, signal) => {
        this.killed.push(`${of} ${signal}`);
        this.#ends.get(of)?.resolve(143);
      },
      logs: async function* (this: void, of) {
        yield new TextEncoder().encode(others[of]?.stdout ?? "");
      },
      print: (text) => void this.printed.push(text),
      signal: new AbortController().signal,
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

// What stores are opened with in a pod: the Secrets that are mounted for the executor, and its container's environment.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StoreResources } from "@capstan/core/artifacts";
import { runGit } from "./git.ts";
import type { Step } from "./step.ts";

/** Where the operator mounts the Secrets of stores: `<root>/<name>/<key>`. */
const secretRoot = "/argo/secret";

export function openResources({ container, namespace, artifacts, inPod }: Step): StoreResources {
  return {
    async secret(name, key) {
      const parts = [name, key];
      if (parts.some((part) => part === "" || part.includes("/") || part === "..")) return undefined;
      try {
        return await readFile(container.resolve(container.name, join(secretRoot, name, key)), "utf8");
      } catch (error) {
        if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
        throw error;
      }
    },
    env: container.env,
    readText: (path) => readFile(container.resolve(container.name, path), "utf8"),
    machineAccount: inPod,
    git: runGit,
    directory: { root: artifacts, namespace },
  };
}

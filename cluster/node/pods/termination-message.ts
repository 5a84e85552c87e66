import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "@capstan/api/generated/core-v1";
import { type ContainerStatus, readLog } from "@capstan/core/runtime";
import type { PodPaths } from "../paths.ts";

// Source: k8s.io/kubernetes pkg/kubelet/container MaxContainerTerminationMessage*.
const messageLimit = 4096;
const logLimit = 2048;
const logLines = 80;

/** What a container left to say about its end: its message file, else the end of its log if its policy says so. */
export async function terminationMessage(container: Container, paths: PodPaths, run: ContainerStatus): Promise<string> {
  const file = join(paths.container(container.name), `termination-${run.config.attempt}`);
  const message = readStart(file, messageLimit);
  if (message !== "" || run.exitCode === 0) return message;
  if (container.terminationMessagePolicy !== "FallbackToLogsOnError") return "";
  let lines: string[] = [];
  for await (const { text } of readLog(paths.log(container.name, run.config.attempt))) {
    lines.push(text.toString("utf8"));
    if (lines.length > logLines) lines = lines.slice(-logLines);
  }
  return lines.join("").slice(-logLimit);
}

function readStart(path: string, limit: number): string {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
  try {
    // The container may have made anything of it.
    if (!fstatSync(fd).isFile()) return "";
    const buffer = Buffer.alloc(limit);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, limit, 0));
  } finally {
    closeSync(fd);
  }
}

// How runc is called, and what it says of itself.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** runc with the state of one container, which lies in the container's directory and goes with it. */
export function runcWords(runc: string, directory: string): string[] {
  return [runc, "--root", join(directory, "state"), "--log", join(directory, "runc.log"), "--log-format", "json"];
}

/** Why runc could not make or start a container: the last error in its log. */
export function runcFailure(directory: string): string | undefined {
  const path = join(directory, "runc.log");
  if (!existsSync(path)) return undefined;
  const errors = readFileSync(path, "utf8").split("\n").filter(Boolean).flatMap(errorOf);
  return errors.at(-1);
}

function errorOf(line: string): string[] {
  try {
    const { level, msg } = JSON.parse(line) as { level?: string; msg?: string };
    return level === "error" && msg?.startsWith("runc run failed: ") ? [msg.slice("runc run failed: ".length)] : [];
  } catch (error) {
    // A line that was cut off when runc was killed.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

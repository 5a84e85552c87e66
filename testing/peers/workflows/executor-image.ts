import { spawnSync } from "node:child_process";
import { join } from "node:path";

export const executorImage = "localhost/capstan-executor:1";

/** Builds the executor's image into a directory. @returns the file. */
export function buildExecutorImage(directory: string): string {
  const output = join(directory, "executor.tar");
  const program = join(import.meta.dirname, "../../../tools/executor-image/main.ts");
  const { status } = spawnSync(process.execPath, [program, "--output", output, "--name", executorImage], {
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("the executor's image was not built");
  return output;
}

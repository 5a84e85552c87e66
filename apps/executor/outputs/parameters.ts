import type { Parameter } from "@capstan/api/kinds/workflow";
import { openRegular } from "@capstan/core/artifacts";
import type { Step } from "../step.ts";

/** Largest output parameter, bytes: it becomes part of an API object. */
export const parameterLimit = 256 * 1024;

/** Reads the parameters that the step left in files. @param complete false after a failure: what is missing is left out. */
export async function readParameters(step: Step, main: string, complete: boolean): Promise<Parameter[]> {
  const found: Parameter[] = [];
  for (const { valueFrom, ...parameter } of step.template.outputs?.parameters ?? []) {
    if (!valueFrom?.path) continue;
    const text = await readText(step.container.resolve(main, valueFrom.path), parameter.name);
    const value = text?.replace(/\n$/, "") ?? valueFrom.default;
    if (value !== undefined) found.push({ ...parameter, value });
    else if (complete) throw new Error(`output parameter ${parameter.name}: there is no file ${valueFrom.path}`);
  }
  return found;
}

async function readText(host: string, name: string): Promise<string | undefined> {
  try {
    await using file = await openRegular(host, `output parameter ${name}`);
    const { size } = await file.stat();
    if (size > parameterLimit) {
      throw new Error(
        `output parameter ${name} has ${size} bytes, more than ${parameterLimit} (limit parameter): use an artifact`,
      );
    }
    return await file.readFile("utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

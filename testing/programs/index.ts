// Programs of the machine that some tests use: where one is missing, they say so instead of failing.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** A reason to skip when one of the programs is not on the PATH; false when all are. For a test's `skip`. */
export function programsMissing(...names: string[]): string | false {
  const missing = names.filter((name) => !isInstalled(name));
  return missing.length > 0 && `not installed: ${missing.join(", ")}`;
}

function isInstalled(name: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch (error) {
      if (["ENOENT", "EACCES", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw error;
    }
  });
}

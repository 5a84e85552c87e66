import { existsSync, readFileSync } from "node:fs";
import { locateDataDirectory } from "../instance/data-directory.ts";
import { parse } from "./usage.ts";

export async function kubeconfig(args: string[]): Promise<number> {
  const { values } = parse("kubeconfig", args, { "data-dir": { type: "string" }, path: { type: "boolean" } });
  const directory = locateDataDirectory(values["data-dir"]);
  if (!existsSync(directory.kubeconfig)) {
    throw new Error(
      `there is no ${directory.kubeconfig} yet; start the platform with: capstan up --data-dir ${directory.root}`,
    );
  }
  process.stdout.write(values.path ? `${directory.kubeconfig}\n` : readFileSync(directory.kubeconfig, "utf8"));
  return 0;
}

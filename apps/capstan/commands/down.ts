import { askDown } from "../instance/control.ts";
import { locateDataDirectory } from "../instance/data-directory.ts";
import { parse } from "./usage.ts";

export async function down(args: string[]): Promise<number> {
  const { values } = parse("down", args, { "data-dir": { type: "string" } });
  const directory = locateDataDirectory(values["data-dir"]);
  const stopped = await askDown(directory.socket);
  console.log(stopped ? `Stopped. Everything is kept in ${directory.root}.` : `Nothing runs on ${directory.root}.`);
  return 0;
}

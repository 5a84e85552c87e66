import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Recorded } from "./recording.ts";

const directory = join(import.meta.dirname, "fixtures");

/** What a kube-apiserver answered to a topic's scenarios, by their names. */
export type Fixture = Record<string, Recorded[]>;

export async function readFixture(topic: string): Promise<Fixture> {
  return JSON.parse(await readFile(join(directory, `${topic}.json`), "utf8"));
}

/** One answer a line. */
export async function writeFixture(topic: string, fixture: Fixture): Promise<void> {
  const parts = Object.entries(fixture).map(
    ([name, answers]) =>
      `${JSON.stringify(name)}: [\n${answers.map((answer) => JSON.stringify(answer)).join(",\n")}\n]`,
  );
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, `${topic}.json`), `{\n${parts.join(",\n")}\n}\n`);
}

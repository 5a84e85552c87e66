// The tour with every kubectl beside the one of the PATH: node testing/conformance/tour/versions.ts [1.29 …]
import { startInstance } from "../../platform/instance.ts";
import { findPrograms, type Program } from "./kubectl.ts";
import { alone, runTopic, topics } from "./tour.ts";

const wanted = process.argv.slice(2);
const programs = findPrograms().filter(({ version }) => wanted.length === 0 || wanted.includes(version));
if (programs.length === 0) throw new Error(`there is no kubectl ${wanted.join(", ")} on the PATH`);
await using instance = startInstance();
await instance.ready();

const began = performance.now();
const failures: string[] = [];
const take = async (program: Program, [name, tour]: [string, (typeof topics)[string]]) => {
  try {
    await runTopic(program, instance.kubeconfig, name, tour);
    console.log(`${program.version} ${name}`);
  } catch (error) {
    failures.push(`${program.version} ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
};
// As many at once as keep a small machine busy.
const queue = programs.flatMap((program) => Object.entries(topics).map((topic) => () => take(program, topic)));
const work = async () => {
  for (let next = queue.shift(); next; next = queue.shift()) await next();
};
await Promise.all(Array.from({ length: 4 }, work));
for (const program of programs) for (const topic of Object.entries(alone)) await take(program, topic);

for (const { version } of programs) {
  const failed = failures.filter((failure) => failure.startsWith(`${version} `));
  console.log(`kubectl ${version}: ${failed.length === 0 ? "passed" : `FAILED\n${failed.join("\n")}`}`);
}
console.log(`${Math.round((performance.now() - began) / 1000)} s`);
process.exitCode = failures.length === 0 ? 0 : 1;

// node testing/chaos/run.ts [--count 200] [--seed 1] [--kills 20] [--pause 6000] [--keep]: runs random workflows twice, once in peace and
// once with kill -9 of the platform and of containers, and tells how the two differ. Exit code 1 when they do.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { differences } from "./compare.ts";
import { perform } from "./perform.ts";

const text = (value: string) => ({ type: "string", default: value }) as const;
const { values } = parseArgs({
  options: {
    count: text("200"),
    seed: text("1"),
    kills: text("20"),
    pause: text("6000"),
    keep: { type: "boolean", default: false },
  },
});
/** Ends what runs when the run itself is told to end. */
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
const stop = new AbortController();
const root = mkdtempSync(join(tmpdir(), "capstan-chaos-run-"));
const tell = (line: string) => console.log(line);
const common = {
  seed: Number(values.seed),
  count: Number(values.count),
  pauseMs: Number(values.pause),
  tell,
  signal: stop.signal,
};
const calm = await perform({ ...common, directory: join(root, "calm"), kills: 0 });
const phases = Object.groupBy(calm.results.values(), ({ phase }) => phase);
for (const [phase, all] of Object.entries(phases)) tell(`${phase}: ${all?.length}`);
tell(`in peace: ${calm.seconds.toFixed(1)} s; ${calm.problems.length} problems`);
const disturbed = await perform({ ...common, directory: join(root, "disturbed"), kills: Number(values.kills) });
const { platform, containers } = disturbed.killed;
tell(`with ${platform} kills of the platform and ${containers} of containers: ${disturbed.seconds.toFixed(1)} s`);
const found = [...calm.problems, ...disturbed.problems, ...differences(calm.results, disturbed.results)];
for (const line of found) tell(line);
tell(`${found.length} differences and problems`);
if (values.keep) tell(`kept ${root}`);
else rmSync(root, { recursive: true, force: true });
process.exitCode = found.length > 0 ? 1 : 0;

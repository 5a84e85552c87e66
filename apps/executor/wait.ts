// The container `wait`: lets the step's own containers end, collects what they leave, reports it, ends the side-cars.
import type { Outputs } from "@capstan/api/kinds/workflow";
import { aborted, sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import { readParameters, readResult, saveArtifacts, saveLogs } from "./outputs/index.ts";
import { followProgress } from "./progress.ts";
import { report } from "./report.ts";
import type { Step } from "./step.ts";

const stopped = 143;

export async function runWait(step: Step): Promise<number> {
  const { container } = step;
  const started = report(step, { complete: false });
  // Its failure is told when the last report is made; until then nobody needs it.
  started.catch((error: unknown) => container.print(`the first report failed: ${messageOf(error)}`));
  const over = new AbortController();
  const progress = started.then(
    () => followProgress(step, AbortSignal.any([over.signal, container.signal])),
    () => {},
  );
  const ends = await Promise.race([endsOf(step), aborted(container.signal).then(() => undefined)]);
  over.abort();
  if (!ends) return stopped;
  const failed = ends.some(({ exitCode }) => exitCode !== 0);
  const problems: string[] = [];
  const outputs = await collect(step, !failed, problems);
  await Promise.allSettled([started, progress]);
  await report(step, { outputs, complete: true });
  await endSidecars(step);
  if (problems.length === 0) return 0;
  throw new Error(problems.join("; "));
}

function mainNames({ template }: Step): string[] {
  return template.containerSet?.containers.map(({ name }) => name) ?? ["main"];
}

/** How the step's own containers ended; when one fails the others are told to end, and those after it are not waited for. */
async function endsOf(step: Step): Promise<{ exitCode: number }[]> {
  const { container } = step;
  const names = mainNames(step);
  const off = new Map(names.map((name) => [name, Promise.withResolvers<{ exitCode: number }>()]));
  return Promise.all(
    names.map(async (name) => {
      const end = await Promise.race([container.waitFor(name), off.get(name)?.promise ?? container.waitFor(name)]);
      if (end.exitCode !== 0) {
        for (const other of names) if (other !== name) container.kill(other, "SIGTERM");
        for (const later of after(step, name)) off.get(later)?.resolve(end);
      }
      return end;
    }),
  );
}

/** Containers of a set that start only when this one has ended well. */
function after({ template }: Step, name: string): string[] {
  const containers = template.containerSet?.containers ?? [];
  return containers.filter(({ dependencies }) => dependencies?.includes(name)).map((one) => one.name);
}

/** Collects everything it can; what fails is a problem, and the rest is still kept. */
async function collect(step: Step, complete: boolean, problems: string[]): Promise<Outputs> {
  const { container } = step;
  const names = mainNames(step);
  const main = names.includes("main") ? "main" : (names[0] as string);
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      const message = messageOf(error);
      problems.push(message);
      container.print(message);
      return undefined;
    }
  };
  const result = step.includeResult ? await attempt(() => readResult(container, main)) : undefined;
  const parameters = (await attempt(() => readParameters(step, main, complete))) ?? [];
  const artifacts = (await attempt(() => saveArtifacts(step, main, complete))) ?? [];
  for (const name of names) {
    const logs = await attempt(() => saveLogs(step, name));
    if (logs) artifacts.push(logs);
  }
  return {
    ...(result === undefined ? {} : { result }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(artifacts.length > 0 ? { artifacts } : {}),
  };
}

/** Asks the side-cars to end, and ends them after the pod's grace period. */
async function endSidecars(step: Step): Promise<void> {
  const { container } = step;
  const own = new Set([...mainNames(step), container.name]);
  const sidecars = (container.pod.spec?.containers ?? []).map(({ name }) => name).filter((name) => !own.has(name));
  const grace = (container.pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
  await Promise.all(
    sidecars.map(async (name) => {
      const over = new AbortController();
      const end = container.waitFor(name).then(() => over.abort());
      container.kill(name, "SIGTERM");
      await sleep(grace, AbortSignal.any([over.signal, container.signal]));
      if (!over.signal.aborted) container.kill(name, "SIGKILL");
      if (!container.signal.aborted) await end;
    }),
  );
}

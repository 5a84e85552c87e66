// What every runtime driver must do.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { adoption } from "./adoption.ts";
import { Bench, type Declare, type RuntimeDriver } from "./driver.ts";
import { lifecycle } from "./lifecycle.ts";
import { limits } from "./limits.ts";
import { pods } from "./pods.ts";
import { programs } from "./programs.ts";
import { roots } from "./roots.ts";
import { streams } from "./streams.ts";

export type { RuntimeDriver } from "./driver.ts";

/** Milliseconds after which a test hangs: none waits for a time of its own. */
const hang = 60_000;

/**
 * @param skip why the driver cannot be opened here.
 * @param parts "life" for a driver without processes: what programs, files and the kernel do is not asked for.
 */
export function testRuntime(
  name: string,
  open: () => Promise<RuntimeDriver>,
  skip?: string,
  parts: "all" | "life" = "all",
): void {
  let bench: Bench;
  let directory: string;
  before(async () => {
    if (skip) return;
    const driver = await open();
    directory = mkdtempSync(join(driver.directory ?? tmpdir(), "capstan-runtime-"));
    bench = new Bench(driver, directory);
    await driver.images.pullImage(driver.image);
  });
  after(async () => {
    if (skip) return;
    await bench.driver.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const declare: Declare = (title, run) => test(`${name}: ${title}`, { skip, timeout: hang }, () => run(bench));
  lifecycle(declare);
  if (parts === "all") for (const part of [programs, roots, streams, limits, pods, adoption]) part(declare);
}

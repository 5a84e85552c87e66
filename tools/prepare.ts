// After npm ci: builds the console, the only part that has a build step, and fills the compile cache of the built-in
// images. Nothing is built again while its sources are as they were.
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fillCompileCache } from "./compile-cache.ts";

const root = new URL("../", import.meta.url).pathname;
const sources = globSync("{base,api,core/client,operators/workflow,apps/console}/**/*.{ts,tsx,css,html,json}", {
  cwd: root,
  exclude: (name) => name.includes("node_modules") || name.includes("dist"),
}).sort();
const hash = createHash("sha256");
for (const name of [...sources, "package-lock.json"]) hash.update(name).update(readFileSync(root + name));
const digest = hash.digest("hex");
const stamp = `${root}apps/console/dist/.sources`;

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== digest) {
  const { build } = await import("vite");
  await build({ root: `${root}apps/console`, configFile: `${root}apps/console/vite.config.ts`, logLevel: "warn" });
  mkdirSync(`${root}apps/console/dist`, { recursive: true });
  writeFileSync(stamp, digest);
}

try {
  fillCompileCache();
} catch (error) {
  // Only speed and memory are lost.
  console.warn(error instanceof Error ? error.message : error);
}

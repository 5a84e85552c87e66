// Compiles the programs of the built-in images ahead of time. Their containers have this repository read-only, and
// without the cache each of them would strip types anew: 40 MB of memory and 0.1 s in every process.
import { spawnSync } from "node:child_process";

const root = new URL("../", import.meta.url).pathname;

/** Relative to the repository; the images of apps/capstan name the same directory. */
const compileCache = "node_modules/.cache/capstan";

const modules = [
  "components/library/index.ts",
  "apps/model-server/serving/session-worker.ts",
  // The programs themselves refuse the empty command line, and end.
  "apps/component/main.ts",
  "apps/model-server/main.ts",
];

/** Imports the modules in a process of its own, which writes the cache when it ends. Throws when one cannot be imported. */
export function fillCompileCache(): void {
  const imports = modules.map((module) => `await import(${JSON.stringify(`${root}${module}`)});`);
  const script = [...imports, "process.exitCode = 0;"].join("\n");
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: root,
    // Portable: entries are found again where the repository is mounted at another path.
    env: { ...process.env, NODE_COMPILE_CACHE: root + compileCache, NODE_COMPILE_CACHE_PORTABLE: "1" },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the built-in programs cannot be compiled: ${stderr}`);
}

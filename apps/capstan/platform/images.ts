// The images that are built in: programs of this repository on the node's own root.
import type { BuiltinImage } from "@capstan/core/runtime";

/** Where a container finds this repository. */
const code = "/opt/capstan";
const node = `${code}/node_modules/node/bin/node`;
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// The repository is read-only in containers: its compile cache was filled when it was installed (tools/compile-cache.ts).
const cache = { NODE_COMPILE_CACHE: `${code}/node_modules/.cache/capstan`, NODE_COMPILE_CACHE_PORTABLE: "1" };
const env = { PATH: path, NODE_NO_WARNINGS: "1", ...cache };

export const builtinImages: BuiltinImage[] = [
  { name: "capstan/host", cmd: ["/bin/sh"], env: { PATH: path } },
  {
    name: "capstan/components",
    entrypoint: ["capstan-component"],
    env: { ...env, PATH: `${code}/apps/component/bin:${path}` },
  },
  { name: "capstan/agent", env: { ...env, PATH: `${code}/apps/executor/bin:${path}` } },
  {
    name: "capstan/model-server",
    entrypoint: [node, "--max-semi-space-size=2", `${code}/apps/model-server/main.ts`],
    env,
  },
];

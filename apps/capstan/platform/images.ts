// The images that are built in: programs of this repository on the node's own root.
import type { BuiltinImage } from "@capstan/core/runtime";

/** Where a container finds this repository. */
const code = "/opt/capstan";
const node = `${code}/node_modules/node/bin/node`;
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// Compiled code is kept between runs of one container only: the repository is read-only there.
const env = { PATH: path, NODE_NO_WARNINGS: "1" };

export const builtinImages: BuiltinImage[] = [
  { name: "capstan/host", cmd: ["/bin/sh"], env: { PATH: path } },
  {
    name: "capstan/components",
    entrypoint: ["capstan-component"],
    env: { ...env, PATH: `${code}/apps/component/bin:${path}` },
  },
  { name: "capstan/model-server", entrypoint: [node, `${code}/apps/model-server/main.ts`], env },
];

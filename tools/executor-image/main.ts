// node tools/executor-image/main.ts [--output executor.tar] [--name capstan/executor:latest]
// Builds the image of the workflow executor for this machine's architecture, as an OCI layout in one tar file:
// `ctr -n k8s.io images import executor.tar` takes it, and skopeo, crane or podman push it to a registry.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { packImage } from "./pack.ts";
import { fillRoot } from "./root.ts";

const { values } = parseArgs({
  options: {
    output: { type: "string", default: "executor.tar" },
    name: { type: "string", default: "capstan/executor:latest" },
  },
});
const work = mkdtempSync(join(tmpdir(), "executor-image-"));
try {
  const root = join(work, "root");
  await fillRoot(root);
  const { digest, bytes } = await packImage({ root, work, output: resolve(values.output), name: values.name });
  console.log(`${values.output}: ${values.name}, ${(bytes / 2 ** 20).toFixed(1)} MiB, ${digest}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

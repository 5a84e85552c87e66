// npm run bench [-- name…]: prints each figure against its budget and its named peer. Timing never decides a test.
import { cpus, totalmem } from "node:os";
import { line } from "./report.ts";

const benchmarks: Record<string, () => Promise<import("./report.ts").Figure[]>> = {
  apiserver: async () => (await import("./apiserver.ts")).measureApiServer(),
  large: async () => (await import("./large.ts")).measureLarge(),
  peer: async () => (await import("./peer.ts")).measurePeer(),
  images: async () => (await import("./images.ts")).measureImages(),
  components: async () => (await import("./components.ts")).measureComponents(),
  predict: async () => (await import("./predict.ts")).measurePredict(),
  services: async () => (await import("./services.ts")).measureServices(),
  pods: async () => (await import("./pods.ts")).measurePods(),
  workflow: async () => (await import("./workflow/index.ts")).measureWorkflows(),
  "workflow-cost": async () => (await import("./workflow/index.ts")).measureWorkflowCost(),
  "workflow-restart": async () => (await import("./workflow/index.ts")).measureWorkflowRestart(),
  "workflow-large": async () => (await import("./workflow/index.ts")).measureLargeWorkflow(),
  pki: async () => (await import("./pki.ts")).measurePki(),
  tenants: async () => (await import("./tenants.ts")).measureTenants(),
  scale: async () => [...(await measureScale("unshare")), ...(await measureScale("runc"))],
  "scale-small": async () => measureScale("runc", 40, 60),
  platform: async () => (await import("./platform.ts")).measurePlatform(),
};

const measureScale = async (runtime: "unshare" | "runc", started = 200, idle = 500) =>
  (await import("./node-scale.ts")).measureNodeScale({ started, idle, runtime });

const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!benchmarks[name]) throw new Error(`no benchmark ${name}; there are: ${Object.keys(benchmarks).join(", ")}`);
const [cpu] = cpus();
console.log(
  `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpu?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
);
for (const [name, measure] of Object.entries(benchmarks)) {
  if (wanted.length > 0 ? !wanted.includes(name) : name.endsWith("-small")) continue;
  for (const figure of await measure()) console.log(line(figure));
}

// What the records hold of the scene: the workflows that are over, and where the pipeline's artifacts came from.
import { createHash } from "node:crypto";
import { Workflows } from "@capstan/api/kinds/workflow";
import type { Client } from "@capstan/core/client";
import type { LineageNode, Records } from "@capstan/core/records";
import { idOf, pipeline } from "./scene-workflows.ts";

const namespace = "quickstart";
const digest = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;

export async function fillHistory(client: Client, records: Records): Promise<void> {
  const { archive, lineage } = await records.open();
  const { items } = await client.list(Workflows, { namespace });
  const over = items.filter(({ status }) => status?.finishedAt);
  await archive.add(over);
  const [one] = over.filter(({ status }) => status?.phase === "Succeeded");
  const uid = one?.metadata.uid ?? "";
  const workflow = one?.metadata.name ?? "";
  const artifact = (step: string) => ({
    name: "table",
    artifact: digest(step),
    location: `file:${workflow}/${step}/table`,
  });
  const raw = { name: "file", artifact: "file:datasets/penguins.csv", location: "file:datasets/penguins.csv" };
  const steps = pipeline.map((step, i): LineageNode => {
    return {
      uid,
      namespace,
      workflow,
      node: idOf(workflow, `${workflow}.${step.name}`),
      name: `${workflow}.${step.name}`,
      template: step.name,
      phase: "Succeeded",
      finishedAt: one?.status?.finishedAt ?? "",
      reused: i > 0 && i < 4,
      parameters: step.name === "split" ? { ratio: "0.75", seed: "7" } : {},
      inputs: step.after.length === 0 ? [raw] : step.after.map(artifact).map((one, n) => ({ ...one, name: `in${n}` })),
      outputs: [artifact(step.name)],
    };
  });
  await lineage.record(steps);
}

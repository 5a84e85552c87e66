// The custom resources of the platform: defined on start, and brought up to date when they differ.
import type { CustomResourceDefinition } from "@capstan/api/generated/apiextensions-v1";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { domainDefinition } from "@capstan/api/kinds/domain";
import { gatewayDefinitions } from "@capstan/api/kinds/gateway-definitions";
import { modelDefinition } from "@capstan/api/kinds/model";
import { servingDefinitions } from "@capstan/api/kinds/serving-definitions";
import { workflowDefinitions } from "@capstan/api/kinds/workflow";
import type { Client } from "@capstan/core/client";

export const definitions: CustomResourceDefinition[] = [
  domainDefinition,
  modelDefinition,
  ...workflowDefinitions,
  ...servingDefinitions,
  ...gatewayDefinitions,
];

/** Resolves when all of them are served. */
export async function installDefinitions(client: Client): Promise<void> {
  const { items } = await client.list(CustomResourceDefinitions);
  const present = new Map(items.map((item) => [item.metadata.name, item]));
  await Promise.all(
    definitions.map(async (wanted) => {
      const old = present.get(wanted.metadata.name);
      const mark = await digestOf(wanted);
      if (old?.metadata.annotations?.[digestKey] === mark) return;
      const annotations = { ...wanted.metadata.annotations, [digestKey]: mark };
      if (!old)
        await client.create(CustomResourceDefinitions, { ...wanted, metadata: { ...wanted.metadata, annotations } });
      else
        await client.update(CustomResourceDefinitions, {
          ...old,
          metadata: { ...old.metadata, annotations },
          spec: wanted.spec,
        });
    }),
  );
}

const digestKey = "capstan.dev/definition";

async function digestOf(definition: CustomResourceDefinition): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(definition));
  return Buffer.from(await crypto.subtle.digest("SHA-256", bytes))
    .toString("hex")
    .slice(0, 16);
}

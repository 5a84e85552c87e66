// The custom resources of the platform, and the components' templates.
import type { CustomResourceDefinition } from "@capstan/api/generated/apiextensions-v1";
import { ClusterRoleBindings, ClusterRoles, CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { domainDefinition } from "@capstan/api/kinds/domain";
import { gatewayDefinitions } from "@capstan/api/kinds/gateway-definitions";
import { imagePolicyDefinition } from "@capstan/api/kinds/image-policy";
import { modelDefinition } from "@capstan/api/kinds/model";
import { podGroupDefinitions } from "@capstan/api/kinds/pod-group";
import { servingDefinitions } from "@capstan/api/kinds/serving-definitions";
import {
  type ClusterWorkflowTemplate,
  ClusterWorkflowTemplates,
  workflowDefinitions,
} from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import { toTemplates } from "@capstan/components/contract";
import { catalogue } from "@capstan/components/library";
import type { Client } from "@capstan/core/client";
import { install } from "./installed.ts";
import { nodeBindings, nodeRoles, platformRoles } from "./roles.ts";

const definitions: CustomResourceDefinition[] = [
  domainDefinition,
  imagePolicyDefinition,
  modelDefinition,
  ...podGroupDefinitions,
  ...workflowDefinitions,
  ...servingDefinitions,
  ...gatewayDefinitions,
];

/** Resolves when all of them are served. */
export async function installDefinitions(client: Client): Promise<void> {
  await Promise.all(definitions.map((definition) => install(client, CustomResourceDefinitions, definition)));
  await Promise.all([...platformRoles, ...nodeRoles].map((role) => install(client, ClusterRoles, role)));
  await Promise.all(nodeBindings.map((binding) => install(client, ClusterRoleBindings, binding)));
  const templates = toTemplates(catalogue.values());
  await install(client, ClusterWorkflowTemplates, templates as unknown as New<ClusterWorkflowTemplate>);
}

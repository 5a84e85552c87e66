// What the executor's containers know of the step that they serve.
import { readFile } from "node:fs/promises";
import type { Template } from "@capstan/api/kinds/workflow";
import type { Handler } from "@capstan/base/http";
import { type Client, createClient } from "@capstan/core/client";
import type { InProcessContainer } from "@capstan/core/runtime";

export interface Step {
  container: InProcessContainer;
  template: Template;
  namespace: string;
  nodeId: string;
  workflow: { name: string; uid: string };
  includeResult: boolean;
  /** Acts with the rights of the pod's service account. */
  client: Client;
  /** Root of the directory repository. */
  artifacts: string;
  /** This process is a container of the pod itself. */
  inPod: boolean;
}

const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** @throws Error naming what the pod does not say: pods of this image are made by the workflow operator. */
export function readStep(container: InProcessContainer, handler: Handler, artifacts: string, inPod = false): Step {
  const say = (name: string) => {
    const value = container.env[name];
    if (value === undefined)
      throw new Error(`the environment has no ${name}: only the workflow operator makes such pods`);
    return value;
  };
  return {
    container,
    template: readTemplate(container.env),
    // From the pod itself: what its environment says could be anybody's.
    namespace: container.pod.metadata.namespace ?? "",
    nodeId: say("ARGO_NODE_ID"),
    workflow: { name: say("ARGO_WORKFLOW_NAME"), uid: say("ARGO_WORKFLOW_UID") },
    includeResult: say("ARGO_INCLUDE_SCRIPT_OUTPUT") === "true",
    client: createClient(handler, {
      userAgent: "argoexec",
      bearer: async () => (await readFile(container.resolve(container.name, tokenPath), "utf8")).trim(),
    }),
    artifacts,
    inPod,
  };
}

/** The template, which may be longer than one variable of a process can be: the rest is in ARGO_TEMPLATE_1 and so on. */
export function readTemplate(env: Record<string, string | undefined>): Template {
  let text = env.ARGO_TEMPLATE;
  if (text === undefined)
    throw new Error("the environment has no ARGO_TEMPLATE: only the workflow operator makes such pods");
  for (let part = 1; ; part++) {
    const more = env[`ARGO_TEMPLATE_${part}`];
    if (more === undefined) break;
    text += more;
  }
  try {
    return JSON.parse(text) as Template;
  } catch (error) {
    throw new Error(`ARGO_TEMPLATE is not a template: ${(error as Error).message}`);
  }
}

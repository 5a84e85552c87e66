// Turns what workflows registered into versions of Models: each node into exactly one.
import { type Model, Models } from "@capstan/api/kinds/model";
import { ClusterWorkflowTemplates, Workflows, WorkflowTemplates } from "@capstan/api/kinds/workflow";
import type { ObjectRef } from "@capstan/api/meta";
import { type Controller, createController, createRecorder } from "@capstan/core/reconcile";
import type { ServingOptions } from "../options.ts";
import { type FindTemplate, type Registration, registrationsOf } from "./registration.ts";

export function createModelRegistry({ client, informers, log }: ServingOptions): Controller {
  const recorder = createRecorder(client, { component: "model-registry" });
  const workflows = informers.informer(Workflows);
  const cluster = informers.informer(ClusterWorkflowTemplates);
  const namespaced = informers.informer(WorkflowTemplates);
  const told = new Set<string>();

  const finder =
    (namespace: string): FindTemplate =>
    (scope, name, template) => {
      const object = scope === "cluster" ? cluster.get({ name }) : namespaced.get({ namespace, name });
      return object?.spec.templates?.find((candidate) => candidate.name === template);
    };

  const register = async (
    { namespace = "" }: ObjectRef,
    { model: name, version }: Registration,
  ): Promise<string | undefined> => {
    const model = await client.find(Models, { namespace, name });
    if (!model) {
      await client.create(Models, { metadata: { namespace, name }, spec: { versions: [{ version: 1, ...version }] } });
      return `${name} 1`;
    }
    if (model.spec.versions.some(({ source }) => sameSource(source, version.source))) return undefined;
    const next = Math.max(0, ...model.spec.versions.map((entry) => entry.version)) + 1;
    const versions = [...model.spec.versions, { version: next, ...version }];
    // Refused with Conflict when somebody was quicker: reconciled again, with a number of its own.
    await client.update(Models, { ...model, spec: { ...model.spec, versions } });
    return `${name} ${next}`;
  };

  return createController({
    name: "model-registry",
    informers,
    log,
    sources: [
      { resource: Workflows },
      { resource: ClusterWorkflowTemplates, keys: () => [] },
      { resource: WorkflowTemplates, keys: () => [] },
    ],
    // One after the other: two nodes of one model would contend for its next number.
    workers: 1,
    async reconcile(ref) {
      const workflow = workflows.get(ref);
      if (!workflow || workflow.metadata.deletionTimestamp) return undefined;
      for (const found of registrationsOf(workflow, finder(ref.namespace ?? ""))) {
        if ("problem" in found) {
          if (!told.has(found.nodeId)) recorder.warning(workflow, "ModelNotRegistered", found.problem);
          told.add(found.nodeId);
          continue;
        }
        const made = await register(ref, found);
        if (made) recorder.normal(workflow, "ModelRegistered", `Registered model version ${made}`);
      }
      return undefined;
    },
  });
}

type Source = Model["spec"]["versions"][number]["source"];

function sameSource(a: Source, b: Source): boolean {
  return a !== undefined && a.uid === b?.uid && a.nodeId === b.nodeId;
}

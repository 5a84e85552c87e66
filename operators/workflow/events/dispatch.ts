// What an event starts: for each WorkflowEventBinding whose selector holds, one workflow. Source: argo-workflows docs/events.md.
import {
  ClusterWorkflowTemplates,
  type Parameter,
  type Workflow,
  type WorkflowEventBinding,
  WorkflowEventBindings,
  Workflows,
  WorkflowTemplates,
} from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Client } from "@capstan/core/client";
import { label, labels } from "../engine/index.ts";
import { type Environment, ExpressionError, evaluateCondition, evaluateExpression } from "../expressions/index.ts";

export interface WorkflowEvent {
  namespace: string;
  /** The last part of the address; may be empty. */
  discriminator: string;
  /** Headers whose names begin with `x-`. */
  metadata: Record<string, string[]>;
  payload: unknown;
}

export interface Dispatch {
  /** Acts with the caller's rights. */
  client: Client;
  /** Who sent the event. */
  creator: string;
  /** Told of each binding that could not do what it says. */
  failed(binding: WorkflowEventBinding, message: string): void;
}

/** @returns the names of the workflows it started, and what went wrong. @throws StatusError when the bindings cannot be read. */
export async function dispatchEvent(
  event: WorkflowEvent,
  { client, creator, failed }: Dispatch,
): Promise<{ started: string[]; problems: string[] }> {
  const { items } = await client.list(WorkflowEventBindings, { namespace: event.namespace });
  const started: string[] = [];
  const problems: string[] = [];
  for (const binding of items) {
    try {
      const name = await submit(client, binding, event, creator);
      if (name) started.push(name);
    } catch (error) {
      problems.push(`${binding.metadata.name}: ${messageOf(error)}`);
      failed(binding, messageOf(error));
    }
  }
  return { started, problems };
}

async function submit(
  client: Client,
  { metadata, spec }: WorkflowEventBinding,
  event: WorkflowEvent,
  creator: string,
): Promise<string | undefined> {
  const environment: Environment = { ...event };
  if (!at("spec.event.selector", () => evaluateCondition(spec.event.selector, environment))) return undefined;
  if (!spec.submit) return undefined;
  const { workflowTemplateRef: ref, arguments: given, metadata: wanted = {} } = spec.submit;
  const { name = "", clusterScope = false } = ref;
  const { namespace } = event;
  if (clusterScope) await client.get(ClusterWorkflowTemplates, { name });
  else await client.get(WorkflowTemplates, { namespace, name });
  const text = (value: string, path: string) => textAt(`spec.submit.metadata.${path}`, value, environment);
  const texts = (values: Record<string, string> = {}, path: string) =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, text(value, `${path}.${key}`)]));
  const parameters = given?.parameters?.map((parameter, i) =>
    parameterOf(parameter, `spec.submit.arguments.parameters[${i}]`, environment),
  );
  const workflow: New<Workflow> = {
    metadata: {
      namespace,
      ...(wanted.name
        ? { name: text(wanted.name, "name") }
        : { generateName: wanted.generateName ? text(wanted.generateName, "generateName") : `${name}-` }),
      labels: {
        ...texts(wanted.labels, "labels"),
        [clusterScope ? labels.clusterWorkflowTemplate : labels.workflowTemplate]: name,
        [label("creator")]: labelOf(creator),
        [label("workflow-event-binding")]: metadata.name,
      },
      annotations: texts(wanted.annotations, "annotations"),
    },
    spec: { workflowTemplateRef: ref, ...(parameters ? { arguments: { parameters } } : {}) },
  };
  const made = await client.create(Workflows, workflow);
  return made.metadata.name;
}

function parameterOf({ name, valueFrom }: Parameter, path: string, environment: Environment): Parameter {
  const expression = valueFrom?.event;
  if (!expression) throw new Error(`${path}.valueFrom.event is required: events give their arguments so`);
  const value = at(`${path}.valueFrom.event`, () => evaluateExpression(expression, environment));
  return { name, value: typeof value === "string" ? value : JSON.stringify(value ?? null) };
}

function textAt(path: string, expression: string, environment: Environment): string {
  const value = at(path, () => evaluateExpression(expression, environment));
  if (typeof value !== "string") throw new Error(`${path} must give a text, not ${JSON.stringify(value)}`);
  return value;
}

function at<T>(path: string, evaluate: () => T): T {
  try {
    return evaluate();
  } catch (error) {
    if (!(error instanceof ExpressionError || error instanceof RangeError)) throw error;
    throw new Error(`${path}: ${error.message}`, { cause: error });
  }
}

/** A user's name as a label may hold it: at most 63 characters, of which odd ones become dashes. */
const labelOf = (name: string): string =>
  name
    .replace(/[^-_.a-zA-Z0-9]/g, "-")
    .slice(-63)
    .replace(/^[^a-zA-Z0-9]+|[^a-zA-Z0-9]+$/g, "");

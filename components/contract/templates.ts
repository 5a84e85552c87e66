// The components as a ClusterWorkflowTemplate: plain Argo, so that they run wherever Argo's kinds do.
import type { ComponentDefinition } from "./definition.ts";
import { defaultText, type Parameter } from "./parameter.ts";

/** Names that other rooms read: templates, annotations, where ports are in the container. */
export const componentNames = {
  template: "capstan-components",
  image: "capstan/components",
  command: "capstan-component",
  annotation: "capstan.dev/component",
  versionAnnotation: "capstan.dev/component-version",
  /** "content": what it gave for the same content and parameters is used again. */
  memoizeAnnotation: "capstan.dev/memoize",
  /** Types of the parameters, as JSON; the workflow engine holds values against them. */
  typesAnnotation: "capstan.dev/parameter-types",
  /** On the ClusterWorkflowTemplate: what the canvas shows, as JSON (CatalogueEntry[]). */
  catalogueAnnotation: "capstan.dev/components",
  inputs: "/capstan/in",
  outputs: "/capstan/out",
} as const;

export interface ComponentTemplate {
  name: string;
  metadata: { annotations: Record<string, string> };
  inputs: {
    parameters: { name: string; value?: string; enum?: string[]; description: string }[];
    artifacts: { name: string; path: string; optional?: boolean }[];
  };
  outputs: {
    parameters: { name: string; description: string; valueFrom: { path: string; default: string } }[];
    artifacts: { name: string; path: string; archive: { none: Record<string, never> } }[];
  };
  container: { image: string; command: string[]; args: string[] };
}

export interface ComponentsTemplate {
  apiVersion: "argoproj.io/v1alpha1";
  kind: "ClusterWorkflowTemplate";
  metadata: { name: string; annotations: Record<string, string>; labels: Record<string, string> };
  spec: { templates: ComponentTemplate[] };
}

/** A definition without its functions. */
export type CatalogueEntry = Omit<ComponentDefinition, "run" | "propagate">;

export function toTemplates(definitions: Iterable<ComponentDefinition>): ComponentsTemplate {
  const all = [...definitions];
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "ClusterWorkflowTemplate",
    metadata: {
      name: componentNames.template,
      labels: { "app.kubernetes.io/managed-by": "capstan" },
      annotations: { [componentNames.catalogueAnnotation]: JSON.stringify(all.map(toEntry)) },
    },
    spec: { templates: all.map(toTemplate) },
  };
}

function toEntry({ run: _run, propagate: _propagate, ...entry }: ComponentDefinition): CatalogueEntry {
  return entry;
}

function toTemplate(definition: ComponentDefinition): ComponentTemplate {
  const parameters = Object.entries(definition.parameters);
  return {
    name: definition.name,
    metadata: {
      annotations: {
        [componentNames.annotation]: definition.name,
        [componentNames.versionAnnotation]: definition.version,
        ...(parameters.length === 0 ? {} : { [componentNames.typesAnnotation]: typesText(parameters) }),
        ...(definition.hasEffects ? {} : { [componentNames.memoizeAnnotation]: "content" }),
      },
    },
    inputs: {
      parameters: parameters.map(([name, parameter]) => toParameter(name, parameter)),
      artifacts: Object.entries(definition.inputs).map(([name, port]) => ({
        name,
        path: `${componentNames.inputs}/${name}`,
        ...(port.optional ? { optional: true } : {}),
      })),
    },
    outputs: {
      parameters: Object.entries(definition.results).map(([name, text]) => ({
        name,
        description: text.en,
        valueFrom: { path: `${componentNames.outputs}/${name}.json`, default: "{}" },
      })),
      artifacts: Object.keys(definition.outputs).map((name) => ({
        name,
        path: `${componentNames.outputs}/${name}`,
        archive: { none: {} },
      })),
    },
    container: {
      image: componentNames.image,
      command: [componentNames.command],
      args: [definition.name, ...parameters.map(([name]) => `--${name}={{inputs.parameters.${name}}}`)],
    },
  };
}

function typesText(parameters: [string, Parameter][]): string {
  return JSON.stringify(Object.fromEntries(parameters.map(([name, parameter]) => [name, toType(parameter)])));
}

/** Columns, choices and maps are texts; what else is to be known of them the component's own check says. */
function toType(parameter: Parameter): string | Record<string, unknown> {
  const { type } = parameter;
  if (type === "boolean") return type;
  if (type === "string" && parameter.maxLength !== undefined) return { type, maxLength: parameter.maxLength };
  if (type !== "number" && type !== "integer") return "string";
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = parameter;
  return {
    type,
    ...(minimum === undefined ? {} : { [exclusiveMinimum ? "exclusiveMinimum" : "minimum"]: minimum }),
    ...(maximum === undefined ? {} : { [exclusiveMaximum ? "exclusiveMaximum" : "maximum"]: maximum }),
    // The empty text stands for the default.
    ...(parameter.default === undefined ? {} : { optional: true }),
  };
}

function toParameter(name: string, parameter: Parameter) {
  const value = defaultText(parameter);
  const choices =
    parameter.type === "choice" ? [...parameter.values] : parameter.type === "boolean" ? ["true", "false"] : undefined;
  return {
    name,
    description: parameter.docs.en,
    ...(value === undefined ? {} : { value }),
    ...(choices ? { enum: choices } : {}),
  };
}

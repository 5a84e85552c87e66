// Definitions of custom kinds for scenarios: a group of their own, and served before anything is asked of them.
import type { Loose } from "./exchange.ts";
import type { Asking } from "./recording.ts";

export interface Defined {
  group: string;
  /** Of the objects in the scenario's namespace, in a version. */
  path(version?: string): string;
}

type Version = Record<string, unknown>;

export const groupOf = ({ unique }: Asking): string => `${unique}.example.com`;

/** The body of a definition. @param versions v1 with this schema when it is not a list. */
export function definitionOf(asking: Asking, versions: Version | Version[], spec: object = {}): Loose {
  const group = groupOf(asking);
  const list = Array.isArray(versions)
    ? versions
    : [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: versions } }];
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `widgets.${group}` },
    spec: { group, scope: "Namespaced", names: { plural: "widgets", kind: "Widget" }, versions: list, ...spec },
  };
}

export const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** Makes a definition, without recording it, and waits until its objects are served. */
export async function define(asking: Asking, versions: Version | Version[], spec: object = {}): Promise<Defined> {
  const { subject, namespace } = asking;
  const body = definitionOf(asking, versions, spec);
  const made = await subject.send("POST", definitionsPath, { body });
  if (made.status !== 201) throw new Error(`the definition was refused: ${made.text}`);
  const path = (version = "v1") => `/apis/${body.spec.group}/${version}/namespaces/${namespace}/widgets`;
  await served(asking, path(body.spec.versions.find(({ served: is }: { served: boolean }) => is).name));
  return { group: body.spec.group, path };
}

/** A kube-apiserver serves a definition some time after it said that it is established. */
async function served({ subject }: Asking, path: string): Promise<void> {
  for (let times = 0; times < 200; times++) {
    const { status } = await subject.send("GET", path);
    if (status !== 404) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path} is not served`);
}

/** Takes a definition away, and its objects with it. */
export const undefine = async (asking: Asking): Promise<void> => {
  await asking.subject.send("DELETE", `${definitionsPath}/widgets.${groupOf(asking)}`);
};

import { PriorityClasses } from "@capstan/api/generated/resources";
import type { PriorityClass } from "@capstan/api/generated/scheduling-v1";
import { type Client, createIfAbsent } from "@capstan/core/client";
import { forbiddenObject } from "../authorization/index.ts";
import type { AdmissionPlugin, View } from "../request.ts";
import { createdPod } from "./of-pods.ts";

/** Priorities that every cluster has. Source: kubernetes/pkg/apis/scheduling/v1/helpers.go. */
const system: { name: string; value: number; description: string }[] = [
  {
    name: "system-node-critical",
    value: 2_000_001_000,
    description: "Used for system critical pods that must not be moved from their current node.",
  },
  {
    name: "system-cluster-critical",
    value: 2_000_000_000,
    description:
      "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
  },
];

/** Turns a pod's class into its priority. Source: kubernetes/plugin/pkg/admission/priority. */
export function createPriority(view: View): AdmissionPlugin {
  return {
    name: "Priority",
    admit: (attributes) => {
      const pod = createdPod(attributes);
      if (!pod) return;
      const { spec } = pod;
      const found = spec.priorityClassName ? find(view, spec.priorityClassName) : defaultClass(view);
      if (spec.priorityClassName && !found) {
        throw forbiddenObject(
          attributes.info,
          attributes.name,
          `no PriorityClass with name ${spec.priorityClassName} was found`,
        );
      }
      const value = found?.value ?? 0;
      if (spec.priority !== undefined && spec.priority !== value) {
        const text = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
        throw forbiddenObject(attributes.info, attributes.name, text);
      }
      if (found) spec.priorityClassName = found.metadata.name;
      spec.priority = value;
      const policy = found?.preemptionPolicy ?? "PreemptLowerPriority";
      if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
        const text = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`;
        throw forbiddenObject(attributes.info, attributes.name, text);
      }
      spec.preemptionPolicy = policy;
    },
    validate: ({ info, name, operation, object }) => {
      if (info.resource !== "priorityclasses" || operation === "DELETE") return;
      const { globalDefault } = object as PriorityClass;
      const other = globalDefault ? defaultClass(view) : undefined;
      if (!other || other.metadata.name === name) return;
      throw forbiddenObject(
        info,
        name,
        `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
      );
    },
  };
}

type Known = Pick<PriorityClass, "value" | "preemptionPolicy"> & { metadata: { name: string } };

function find(view: View, name: string): Known | undefined {
  const own = system.find((known) => known.name === name);
  return own ? { value: own.value, metadata: { name } } : view.get(PriorityClasses, { name });
}

function defaultClass(view: View): PriorityClass | undefined {
  const all = view.list(PriorityClasses).filter(({ globalDefault }) => globalDefault);
  return all.toSorted((a, b) => a.value - b.value)[0];
}

/** Creates the system's own classes where they are missing. */
export async function bootstrapPriorityClasses(client: Client): Promise<void> {
  await Promise.all(
    system.map(async ({ name, value, description }) => {
      if (await client.find(PriorityClasses, { name })) return;
      await createIfAbsent(client, PriorityClasses, { metadata: { name }, value, description, globalDefault: false });
    }),
  );
}

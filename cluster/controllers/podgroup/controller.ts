import type { Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { PodGroups, VolcanoPodGroups } from "@capstan/api/kinds/pod-group";
import { isReason, type KubeObject, type ObjectRef, type Resource } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type GroupRef, gangKeys, groupKey, groupOf } from "../../scheduler/index.ts";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { writeStatus } from "../status.ts";
import { statusOf, volcanoStatusOf } from "./status.ts";

/** Tells in the status of both kinds of PodGroup how far its pods are. Their definitions have to be installed. */
export function createPodGroupControllers(context: ControllerContext): Controller[] {
  const workshop = openWorkshop(context, "podgroup-controller");
  return [
    createStatusController(workshop, "scheduler-plugins", PodGroups, statusOf),
    createStatusController(workshop, "volcano", VolcanoPodGroups, volcanoStatusOf),
  ];
}

function createStatusController<T extends KubeObject & { status?: object }>(
  workshop: Workshop,
  maker: GroupRef["maker"],
  resource: Resource<T>,
  compute: (group: T, pods: Pod[], now: number) => NonNullable<T["status"]>,
): Controller {
  const { informers, log, now } = workshop;
  const groups = informers.informer(resource);
  const pods = informers.informer(Pods);
  pods.addIndex("gang", gangKeys);
  const groupsOf = (pod: Pod): ObjectRef[] => {
    const group = groupOf(pod);
    return group?.maker === maker ? [{ namespace: group.namespace, name: group.name }] : [];
  };
  return createController({
    name: `podgroup-controller-${maker}`,
    informers,
    log,
    sources: [{ resource }, { resource: Pods, keys: groupsOf }],
    async reconcile(ref, signal) {
      const group = groups.get(ref);
      if (!group || group.metadata.deletionTimestamp) return undefined;
      const { namespace = "", name } = ref;
      const members = pods.byIndex("gang", groupKey({ maker, namespace, name }));
      const status = compute(group, members, now());
      try {
        await writeStatus(workshop, resource, groups, group, status, signal);
      } catch (error) {
        if (!isReason(error, "NotFound")) throw error;
      }
      return undefined;
    },
  });
}

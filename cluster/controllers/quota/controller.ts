import { PersistentVolumeClaims, Pods, ResourceQuotas, Services } from "@capstan/api/generated/resources";
import { formatQuantity, type KubeObject, type Resource, refOf } from "@capstan/api/meta";
import { type Controller, createController, type Informer } from "@capstan/core/reconcile";
import { quotaCounts } from "../../apiserver/admission/quota/scope.ts";
import { addUsage, isBinary, type Usage, usageOf } from "../../apiserver/admission/quota/usage.ts";
import { type ControllerContext, openWorkshop } from "../context.ts";
import type { MetadataStore } from "../metadata/index.ts";
import { writeStatus } from "../status.ts";

/** Kinds of which more than the number counts: their whole objects are read. */
const measured: Resource[] = [Pods, Services, PersistentVolumeClaims];

export function createResourceQuotaController(context: ControllerContext & { metadata: MetadataStore }): Controller {
  const workshop = openWorkshop(context, "resourcequota-controller");
  const { informers, metadata } = context;
  const quotas = informers.informer(ResourceQuotas);
  const quotasOf = (object: KubeObject) => quotas.list(object.metadata.namespace).map(refOf);
  const controller = createController({
    name: "resourcequota-controller",
    informers,
    log: workshop.log,
    sources: [{ resource: ResourceQuotas }, ...measured.map((resource) => ({ resource, keys: quotasOf }))],
    async reconcile(ref, signal) {
      const quota = quotas.get(ref);
      if (!quota || quota.metadata.deletionTimestamp) return;
      const hard = quota.spec?.hard ?? {};
      const total: Usage = {};
      const count = (resource: Resource, informer: Informer) => {
        for (const object of informer.list(ref.namespace)) {
          if (quotaCounts(quota.spec ?? {}, resource, object)) addUsage(total, usageOf(resource, object));
        }
      };
      for (const resource of measured) count(resource, informers.informer(resource));
      for (const kind of metadata.kinds()) {
        if (kind.resource.namespaced && isNamed(hard, kind.resource)) count(kind.resource, metadata.informer(kind));
      }
      const used = Object.fromEntries(
        Object.keys(hard).map((name) => [name, formatQuantity(total[name] ?? 0, isBinary(name))]),
      );
      await writeStatus(workshop, ResourceQuotas, quotas, quota, { hard, used }, signal);
    },
  });
  return {
    ...controller,
    async start(signal) {
      metadata.onChange(({ type, kind, object }) => {
        if (type === "MODIFIED" || isMeasured(kind.resource)) return;
        for (const quota of quotas.list(object.metadata.namespace)) {
          if (isNamed(quota.spec?.hard ?? {}, kind.resource)) controller.enqueue(refOf(quota));
        }
      });
      await controller.start(signal);
    },
  };
}

function isMeasured({ group, resource }: Pick<Resource, "group" | "resource">): boolean {
  return measured.some((each) => each.group === group && each.resource === resource);
}

/** Whether a quota counts the objects of a kind by their number alone. */
function isNamed(hard: Record<string, string>, { group, resource }: Resource): boolean {
  if (isMeasured({ group, resource })) return false;
  const name = group === "" ? resource : `${resource}.${group}`;
  return `count/${name}` in hard || (group === "" && resource in hard);
}

import { Namespaces, ServiceAccounts } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";
import { isTerminating } from "../pod.ts";

/** Keeps a ServiceAccount "default" in every namespace that is not being deleted. */
export function createServiceAccountController(context: ControllerContext): Controller {
  const { log } = openWorkshop(context, "service-account-controller");
  const { client, informers } = context;
  const namespaces = informers.informer(Namespaces);
  const accounts = informers.informer(ServiceAccounts);
  return createController({
    name: "service-account-controller",
    informers,
    log,
    sources: [
      { resource: Namespaces },
      {
        resource: ServiceAccounts,
        when: ({ type, object }) => type === "DELETED" && object.metadata.name === "default",
        keys: ({ metadata }) => [{ name: metadata.namespace ?? "" }],
      },
    ],
    async reconcile({ name: namespace }) {
      const found = namespaces.get({ name: namespace });
      if (!found || found.status?.phase === "Terminating" || accounts.get({ namespace, name: "default" })) return;
      try {
        await client.create(ServiceAccounts, { metadata: { namespace, name: "default" } });
      } catch (error) {
        if (!isReason(error, "AlreadyExists", "NotFound") && !isTerminating(error)) throw error;
      }
    },
  });
}

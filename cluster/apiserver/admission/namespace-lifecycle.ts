import { Namespaces } from "@capstan/api/generated/resources";
import { notFound, StatusError } from "@capstan/api/meta";
import { forbiddenObject } from "../authorization/index.ts";
import type { AdmissionPlugin, Attributes, View } from "../request.ts";

const immortal = new Set(["default", "kube-system", "kube-public"]);

/** Nothing is made in a namespace that is not there or is going. Source: apiserver's plugin/namespace/lifecycle. */
export function createNamespaceLifecycle(view: View): AdmissionPlugin {
  return {
    name: "NamespaceLifecycle",
    admit: ({ operation, info, namespace, name }) => {
      if (info.group === "" && info.resource === "namespaces") {
        if (operation === "DELETE" && immortal.has(name)) {
          throw forbiddenObject(info, name, "this namespace may not be deleted");
        }
        return;
      }
      // A review is stored nowhere, and what is being deleted may outlive its namespace for a moment.
      if (namespace === "" || operation === "DELETE" || info.resource === "localsubjectaccessreviews") return;
      const found = view.get(Namespaces, { name: namespace });
      if (!found) throw notFound(Namespaces, namespace);
      if (operation === "CREATE" && (found.metadata.deletionTimestamp || found.status?.phase === "Terminating")) {
        throw terminating({ info, name }, namespace);
      }
    },
  };
}

function terminating({ info, name }: Pick<Attributes, "info" | "name">, namespace: string): StatusError {
  const text = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const { message, details } = forbiddenObject(info, name, text);
  const cause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  return new StatusError("Forbidden", message, { ...details, causes: [cause] });
}

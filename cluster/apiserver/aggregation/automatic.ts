// A Local APIService for every group-version that this server answers itself. Source: kube-aggregator's autoregister.
import type { APIService } from "@capstan/api/generated/apiregistration-v1";
import { APIServices } from "@capstan/api/generated/resources";
import { isReason, type KubeObject } from "@capstan/api/meta";
import { compareVersions } from "../discovery/index.ts";
import type { View } from "../request.ts";
import type { Call, Core } from "../verbs/call.ts";
import { createObject } from "../verbs/create.ts";
import { removeOne } from "../verbs/delete.ts";

const label = "kube-aggregator.kubernetes.io/automanaged";

/** Of groups that definitions add. Source: apiextensions' crdRegistrationController. */
const customPriority = 1000;
const customVersionPriority = 100;
/** Of built-in groups: they come before all others. Source: the highest and lowest of kube-apiserver's apiVersionPriorities. */
const builtinPriority = 17_500;

const principal = { name: "system:apiserver", groups: ["system:masters"] };

function callOf(core: Core, verb: string, name: string, signal: AbortSignal): Call {
  const kind = core.registry.require(APIServices);
  const { group, version, resource } = kind;
  const info = { isResource: true, verb, path: "", query: new URLSearchParams(), group, version, resource };
  return {
    request: { method: "POST", url: "", headers: {}, signal },
    info: { ...info, subresource: "", namespace: "", name, rest: "" },
    kind,
    principal,
    warnings: [],
  };
}

/** Creates what is missing and removes what is served no more. What somebody has given a Service of its own stays. */
export async function registerServed(core: Core, view: View, signal: AbortSignal): Promise<void> {
  const wanted = wantedServices(core);
  const present = view.list(APIServices);
  const missing = [...wanted.values()].filter(({ metadata }) => !view.get(APIServices, { name: metadata.name }));
  const left = present.filter(
    ({ metadata, spec }) => metadata.labels?.[label] && !spec?.service && !wanted.has(metadata.name),
  );
  await Promise.all([
    ...missing.map((service) => create(core, service, signal)),
    ...left.map(({ metadata }) => remove(core, metadata.name, signal)),
  ]);
}

async function create(core: Core, service: APIService, signal: AbortSignal): Promise<void> {
  const call = callOf(core, "create", "", signal);
  try {
    await createObject(core, call, service as KubeObject, { dryRun: false, manager: "kube-apiserver" });
  } catch (thrown) {
    if (!isReason(thrown, "AlreadyExists")) throw thrown;
  }
}

async function remove(core: Core, name: string, signal: AbortSignal): Promise<void> {
  try {
    await removeOne(core, callOf(core, "delete", name, signal), {});
  } catch (thrown) {
    if (!isReason(thrown, "NotFound")) throw thrown;
  }
}

function wantedServices({ registry }: Core): Map<string, APIService> {
  const versions = new Map<string, { version: string; custom: boolean }[]>();
  for (const { group, version, custom } of registry.all()) {
    const list = versions.get(group) ?? [];
    versions.set(group, list);
    if (!list.some((one) => one.version === version)) list.push({ version, custom: custom !== undefined });
  }
  const wanted = new Map<string, APIService>();
  for (const [group, list] of versions) {
    list.sort((a, b) => compareVersions(b.version, a.version));
    for (const [i, { version, custom }] of list.entries()) {
      const name = `${version}.${group}`;
      const priority = group === "" ? 18_000 : custom ? customPriority : builtinPriority;
      wanted.set(name, {
        apiVersion: "apiregistration.k8s.io/v1",
        kind: "APIService",
        metadata: { name, labels: { [label]: custom ? "true" : "onstart" } } as APIService["metadata"],
        spec: {
          ...(group === "" ? {} : { group }),
          version,
          groupPriorityMinimum: priority,
          versionPriority: custom ? customVersionPriority + i : 1 + i * 2,
        },
      });
    }
  }
  return wanted;
}

// Requests for resources: from the verb to the answer.
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { builtinSchema } from "@capstan/api/schema";
import type { HttpRequest, HttpResponse } from "@capstan/base/http";
import { readBody } from "./body.ts";
import { subresourceFact } from "./discovery/index.ts";
import type { Kind } from "./kind.ts";
import { prefixOf, requireReadable, type Written } from "./objects.ts";
import { pathNotFound } from "./registry.ts";
import type { Endpoint, EndpointCall, RequestInfo } from "./request.ts";
import {
  answerError,
  answerJson,
  answerList,
  answerObject,
  checkForm,
  deletedStatus,
  watchForm,
  withWarnings,
} from "./respond.ts";
import { notFoundPage } from "./routes.ts";
import { bind } from "./verbs/binding.ts";
import { admit, attributesOf, type Call, type Core, refOf, validateAdmission } from "./verbs/call.ts";
import { create } from "./verbs/create.ts";
import { decodeObject } from "./verbs/decode.ts";
import { remove } from "./verbs/delete.ts";
import { removeCollection } from "./verbs/delete-collection.ts";
import { evict } from "./verbs/eviction.ts";
import { list } from "./verbs/list.ts";
import { patch } from "./verbs/patch.ts";
import { readScale, writeScale } from "./verbs/scale.ts";
import { update } from "./verbs/update.ts";
import { watch } from "./verbs/watch.ts";
import { writeOptionsOf } from "./verbs/write-options.ts";

const nobody = { name: "system:anonymous", groups: ["system:unauthenticated"] };

/** @param endpoints by `group/version/resource/subresource`. */
export function createResourceHandler(core: Core, endpoints: ReadonlyMap<string, Endpoint>) {
  return async (request: HttpRequest, info: RequestInfo): Promise<HttpResponse> => {
    const { registry, objects } = core;
    if (objects.store.damage.length > 0 && !registry.find(info)) {
      requireReadable(objects.store, prefixOf(registry.require(CustomResourceDefinitions)));
    }
    if (!registry.hasGroup(info.group)) return notFoundPage();
    const kind = registry.require(info);
    const call: Call = { request, info, kind, principal: request.principal ?? nobody, warnings: [] };
    if (kind.deprecation) call.warnings.push(kind.deprecation);
    const endpoint = endpoints.get(`${info.group}/${info.version}/${info.resource}/${info.subresource}`);
    try {
      return await run(core, call, endpoint);
    } catch (thrown) {
      // What was warned of until then is told with the error.
      if (!(thrown instanceof StatusError) || call.warnings.length === 0) throw thrown;
      return withWarnings(call, await answerError(thrown, request));
    }
  };
}

async function run(core: Core, call: Call, endpoint: Endpoint | undefined): Promise<HttpResponse> {
  if (endpoint) return runEndpoint(core, call, endpoint);
  if (call.request.method === "HEAD") throw methodNotAllowed();
  checkScope(call);
  checkForm(call);
  return call.info.subresource === "" ? runVerb(core, call) : runSubresource(core, call);
}

function checkScope({ kind, info }: Call): void {
  const everywhere = kind.namespaced && info.namespace === "";
  if (everywhere && (info.verb === "create" || info.verb === "deletecollection")) throw methodNotAllowed();
  if (!kind.namespaced && info.namespace !== "" && info.resource !== "namespaces") throw pathNotFound();
  const collective = info.verb === "list" || info.verb === "watch" || info.verb === "deletecollection";
  if (kind.namespaced && info.name !== "" && info.namespace === "" && !collective) throw pathNotFound();
}

const methodNotAllowed = () =>
  new StatusError("MethodNotAllowed", "the server does not allow this method on the requested resource", {});

/** Nothing answers for a kind that stores nothing. */
const notServed = (what: string) => new StatusError("NotImplemented", `${what} is not served here`);

async function runVerb(core: Core, call: Call): Promise<HttpResponse> {
  const { kind, info } = call;
  const named = info.verb === "update" || info.verb === "patch";
  if (!kind.verbs.includes(info.verb) || (info.verb === "create" && info.name !== "") || (named && info.name === "")) {
    throw methodNotAllowed();
  }
  switch (info.verb) {
    case "get":
      return answerObject(call, await readOne(core, call));
    case "list":
      return answerList(call, await list(core, call));
    case "watch":
      return {
        status: 200,
        headers: { "content-type": "application/json" },
        body: await watch(core, call, watchForm(call)),
        shared: true,
      };
    case "create":
      if (kind.resource === "bindings" && kind.group === "") return answerBound(core, call);
      if (!kind.verbs.includes("get")) throw notServed(kind.resource);
      return answerObject(call, await create(core, call), 201);
    case "update":
      return answerPatched(call, await update(core, call));
    case "patch":
      return answerPatched(call, await patch(core, call));
    case "delete":
      return answerDeleted(core, call);
    case "deletecollection":
      return answerList(call, await removeCollection(core, call));
    default:
      throw methodNotAllowed();
  }
}

async function readOne(core: Core, call: Call): Promise<Written> {
  const { kind } = call;
  return core.objects.unchanged(kind, await core.objects.served(kind, core.objects.require(kind, refOf(call))));
}

/** An apply or update that created answers 201. */
function answerPatched(call: Call, written: Written & { created?: boolean }): Promise<HttpResponse> {
  return answerObject(call, written, written.created ? 201 : 200);
}

async function answerDeleted(core: Core, call: Call): Promise<HttpResponse> {
  const deletion = await remove(core, call);
  if (!deletion.gone) return answerObject(call, deletion, deletion.accepted ? 202 : 200);
  if (returned.has(`${call.kind.group}/${call.kind.resource}`)) return answerObject(call, deletion);
  return withWarnings(call, answerJson(deletedStatus(call.kind, deletion.object)));
}

/** What is gone is answered whole. Source: upstream's stores whose ReturnDeletedObject is true. */
const returned = new Set([
  "/namespaces",
  "/persistentvolumeclaims",
  "/persistentvolumes",
  "/pods",
  "/podtemplates",
  "/resourcequotas",
  "/serviceaccounts",
  "/services",
  "resource.k8s.io/deviceclasses",
  "resource.k8s.io/resourceclaims",
  "resource.k8s.io/resourceclaimtemplates",
  "resource.k8s.io/resourceslices",
  "storage.k8s.io/csidrivers",
  "storage.k8s.io/csinodes",
  "storage.k8s.io/storageclasses",
  "storage.k8s.io/volumeattachments",
  "storage.k8s.io/volumeattributesclasses",
]);

const success = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };

async function answerBound(core: Core, call: Call): Promise<HttpResponse> {
  await bind(core, call);
  return answerJson(success, 201);
}

/** Subresources that read and write the object itself, under rules of their own. */
const ownForm = new Set(["status", "approval", "ephemeralcontainers", "resize", "finalize"]);

async function runSubresource(core: Core, call: Call): Promise<HttpResponse> {
  const { kind, info } = call;
  const { subresource, verb } = info;
  if (!kind.subresources.includes(subresource)) throw pathNotFound();
  if (subresource === "scale") {
    if (verb === "get") return answerObject(call, await readScale(core, call), 200, scaleTableKind);
    if (verb === "update" || verb === "patch")
      return answerObject(call, await writeScale(core, call), 200, scaleTableKind);
    throw methodNotAllowed();
  }
  if (kind.resource === "pods" && kind.group === "" && verb === "create") {
    if (subresource === "binding") return answerBound(core, call);
    if (subresource === "eviction") {
      await evict(core, call);
      return answerJson(success, 201);
    }
  }
  if (!ownForm.has(subresource)) {
    if (!subresourceFact(kind, subresource).verbs.includes(verb)) throw methodNotAllowed();
    throw notServed(`${info.resource}/${subresource}`);
  }
  if (verb === "get") return answerObject(call, await readOne(core, call));
  if (verb === "update") return answerPatched(call, await update(core, call));
  if (verb === "patch") return answerPatched(call, await patch(core, call));
  throw methodNotAllowed();
}

/** A Scale's table shows its name and age. */
const scaleTableKind = { rules: {} } as Kind;

async function runEndpoint(core: Core, call: Call, endpoint: Endpoint): Promise<HttpResponse> {
  const { request, info, principal, kind } = call;
  const target: EndpointCall = { request, info, principal };
  if (endpoint.connect) {
    if (["exec", "attach", "portforward", "proxy"].includes(info.subresource)) {
      const attributes = attributesOf(call, "CONNECT", {}, false);
      await admit(core, attributes);
      await validateAdmission(core, attributes);
    }
    return endpoint.connect(target);
  }
  if (!endpoint.create || info.verb !== "create") throw methodNotAllowed();
  const { value, duplicates } = await readBody(request);
  const of = bodyKind(kind, info);
  const warn = (message: string) => void call.warnings.push(message);
  const { validation, dryRun } = writeOptionsOf(call, "CreateOptions");
  const object = decodeObject(value ?? {}, of, { validation, duplicates, warn });
  const attributes = attributesOf(call, "CREATE", { object, kind: of }, dryRun);
  await admit(core, attributes);
  await validateAdmission(core, attributes);
  return answerJson(await endpoint.create({ ...target, object }), 201);
}

/** What a POST to a subresource carries: an account's token has a kind of its own. */
function bodyKind(kind: Kind, { subresource }: RequestInfo): Kind {
  if (subresource !== "token") return kind;
  const schema = builtinSchema("authentication/v1.TokenRequest");
  return { ...kind, group: "authentication.k8s.io", version: "v1", kind: "TokenRequest", schema };
}

// APIService objects: those of this server, registered by themselves, and those whose requests another server answers.
import type { APIService } from "@capstan/api/generated/apiregistration-v1";
import { APIServices, EndpointSlices, Services } from "@capstan/api/generated/resources";
import { isReason, StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { HttpRequest, HttpResponse } from "@capstan/base/http";
import type { Rules } from "../kind.ts";
import type { View } from "../request.ts";
import type { Core } from "../verbs/call.ts";
import { registerServed } from "./automatic.ts";
import { check, describe } from "./availability.ts";
import { discoveredKinds } from "./discovered.ts";
import { type FrontProxy, forwardRemote } from "./remote.ts";
import { apiServiceRules, setCondition } from "./rules.ts";

export { type FrontProxy, frontProxyData } from "./remote.ts";

/** Milliseconds until a server that does not answer is asked again: doubled each time. */
const [firstRetry, lastRetry] = [1000, 30_000];

export interface Aggregation {
  rules: Rules<APIService>;
  /** Takes over what is stored. */
  load(): void;
  /** The answer of another server; undefined where this one answers. */
  answer(request: HttpRequest, path: string): Promise<HttpResponse> | undefined;
  /** Registers what this server answers itself. */
  register(signal: AbortSignal): Promise<void>;
  /** Keeps the objects and their conditions as they should be. Resolves when the signal aborts. */
  start(signal: AbortSignal): Promise<void>;
}

interface Remote {
  service: APIService;
  /** Ends the check that is under way, when there is cause for another. */
  stop?: AbortController;
}

export function createAggregation(core: Core, view: View, front: FrontProxy | undefined): Aggregation {
  const remotes = new Map<string, Remote>();
  let live: AbortSignal | undefined;
  const pathOf = ({ spec }: APIService) => `${spec?.group}/${spec?.version}`;
  const look = (path: string) => {
    const remote = remotes.get(path);
    if (!remote || !live) return;
    remote.stop?.abort();
    remote.stop = new AbortController();
    const signal = AbortSignal.any([live, remote.stop.signal]);
    void keepChecked(core, view, remote, front, signal).catch((thrown: unknown) => {
      if (!signal.aborted) core.log.error("an APIService cannot be checked", { path, error: messageOf(thrown) });
    });
  };
  const stored = (written: APIService) => {
    const service = structuredClone(written);
    const path = pathOf(service);
    const present = remotes.get(path);
    if (!service.spec?.service) return drop(path);
    const changed = JSON.stringify(present?.service.spec) !== JSON.stringify(service.spec);
    if (present) present.service = service;
    else remotes.set(path, { service });
    if (!changed) return;
    if (!present) core.registry.setRemote(path, []);
    look(path);
  };
  const drop = (path: string) => {
    remotes.get(path)?.stop?.abort();
    if (remotes.delete(path)) core.registry.setRemote(path, undefined);
  };
  return {
    rules: apiServiceRules({ stored, deleted: (service) => drop(pathOf(service)) }),
    load() {
      for (const service of view.list(APIServices)) stored(service);
    },
    answer(request, path) {
      if (remotes.size === 0) return undefined;
      const document = /^\/openapi\/v3\/apis\/([^/]+\/[^/]+)$/.exec(path)?.[1];
      // Its own document is the newest: only what it does not have is made of its other one.
      if (document !== undefined) {
        const described = core.registry.described().get(document)?.hash !== undefined;
        const writer = described ? remotes.get(document) : undefined;
        return writer && forward(view, writer, request, front, () => look(document));
      }
      if (!path.startsWith("/apis/")) return undefined;
      const [, , group, version] = path.split("/");
      const remote = remotes.get(`${group}/${version}`);
      return remote && forward(view, remote, request, front, () => look(`${group}/${version}`));
    },
    register: (signal) => registerServed(core, view, signal),
    async start(signal) {
      live = signal;
      for (const path of remotes.keys()) look(path);
      await Promise.all([
        keepRegistered(core, view, signal),
        watchTargets(core, signal, (key) => {
          for (const [path, { service }] of remotes) if (concerns(service, key)) look(path);
        }),
      ]);
    },
  };
}

const isAvailable = ({ status }: APIService): boolean =>
  status?.conditions?.some((condition) => condition.type === "Available" && condition.status === "True") ?? false;

const nobody = { name: "system:anonymous", groups: ["system:unauthenticated"] };

async function forward(
  view: View,
  { service }: Remote,
  request: HttpRequest,
  front: FrontProxy | undefined,
  failed: () => void,
): Promise<HttpResponse> {
  if (!isAvailable(service)) throw new StatusError("ServiceUnavailable", "service unavailable");
  try {
    return await forwardRemote(view, service, request, { principal: request.principal ?? nobody, front });
  } catch (thrown) {
    failed();
    throw thrown;
  }
}

/** Checks until the server answers; from then on only a change, or a request that fails, is a reason to check again. */
async function keepChecked(
  core: Core,
  view: View,
  { service }: Remote,
  front: FrontProxy | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { group = "", version = "" } = service.spec ?? {};
  for (let delay = firstRetry; !signal.aborted; delay = Math.min(delay * 2, lastRetry)) {
    const { availability, resources } = await check(view, service, front, signal);
    if (signal.aborted) return;
    if (resources) core.registry.setRemote(`${group}/${version}`, discoveredKinds(group, version, resources));
    await writeCondition(core, service.metadata.name, availability);
    if (availability.status === "True") {
      const description = await describe(view, service, front, signal);
      if (!signal.aborted) core.registry.describe(`${group}/${version}`, description);
      return;
    }
    await sleep(delay, signal);
  }
}

function sleep(delay: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(end, delay).unref();
    signal.addEventListener("abort", end, { once: true });
  });
}

async function writeCondition(
  core: Core,
  name: string,
  availability: Parameters<typeof setCondition>[1],
): Promise<void> {
  const kind = core.registry.require(APIServices);
  for (;;) {
    const record = core.objects.find(kind, { name });
    if (!record) return;
    const service = core.objects.read(kind, record) as APIService;
    const before = JSON.stringify(service.status);
    setCondition(service, availability);
    if (JSON.stringify(service.status) === before) return;
    try {
      await core.objects.replace(kind, service, record.revision);
      return;
    } catch (thrown) {
      if (!isReason(thrown, "Conflict", "NotFound")) throw thrown;
    }
  }
}

/** One round after the other: a change during a round makes one more. */
async function keepRegistered(core: Core, view: View, signal: AbortSignal): Promise<void> {
  let again = true;
  let running: Promise<void> | undefined;
  const run = async () => {
    while (again && !signal.aborted) {
      again = false;
      await registerServed(core, view, signal);
    }
  };
  const kick = () => {
    again = true;
    running ??= run()
      .catch((thrown: unknown) => {
        if (!signal.aborted) core.log.error("APIServices cannot be registered", { error: messageOf(thrown) });
      })
      .finally(() => {
        running = undefined;
      });
  };
  core.registry.onChange(kick);
  const kind = core.registry.require(APIServices);
  const events = core.objects.store.watch(kind.prefix, { signal });
  kick();
  for await (const event of events) if (event.type === "deleted") kick();
  await running;
}

/** @param changed gets `namespace/name` of the Service that something was written about. */
async function watchTargets(core: Core, signal: AbortSignal, changed: (key: string) => void): Promise<void> {
  const follow = async (resource: typeof Services | typeof EndpointSlices) => {
    const kind = core.registry.require(resource);
    for await (const event of core.objects.store.watch(kind.prefix, { signal })) {
      if (event.type !== "progress") changed(event.key.slice(kind.prefix.length));
    }
  };
  await Promise.all([follow(Services), follow(EndpointSlices)]);
}

/** The slices of a Service bear its name before their own ending. */
function concerns({ spec }: APIService, key: string): boolean {
  const { namespace, name } = spec?.service ?? {};
  return key === `${namespace}/${name}` || key.startsWith(`${namespace}/${name}`);
}

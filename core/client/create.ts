import {
  apiVersionOf,
  isReason,
  type KubeObject,
  type New,
  type ObjectRef,
  pathOf,
  type Resource,
} from "@capstan/api/meta";
import type { Handler, HttpRequest, HttpResponse, Principal } from "@capstan/base/http";
import { errorOf, readError, readText } from "./answer.ts";
import type {
  ApplyOptions,
  Client,
  DeleteOptions,
  ListOptions,
  ListResult,
  Patch,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from "./client.ts";
import { bytesOf, readLines } from "./lines.ts";
import { deleteBody, formOf, listParameters, watchParameters, withQuery, writeParameters } from "./options.ts";

export interface ClientOptions {
  /** For handlers of this process, which believe it. */
  principal?: Principal;
  /** The server's default for fieldManager is its first part. */
  userAgent?: string;
  /** A token, or where to get the present one before each request. */
  bearer?: string | (() => string | Promise<string>);
}

const patchTypes: Record<Patch["type"], string> = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
};
const never = new AbortController().signal;
const encoder = new TextEncoder();

/** A client of whatever server the handler reaches. */
export function createClient(handler: Handler, options: ClientOptions = {}): Client {
  return new HandlerClient(handler, options);
}

class HandlerClient implements Client {
  readonly #handler: Handler;
  readonly #options: ClientOptions;

  constructor(handler: Handler, options: ClientOptions) {
    this.#handler = handler;
    this.#options = options;
  }

  async request(request: Partial<HttpRequest> & { url: string }): Promise<HttpResponse> {
    const { principal, userAgent = "capstan", bearer } = this.#options;
    const headers: Record<string, string> = { accept: "application/json", "user-agent": userAgent, ...request.headers };
    if (bearer) headers.authorization = `Bearer ${typeof bearer === "string" ? bearer : await bearer()}`;
    const whole: HttpRequest = { method: "GET", signal: never, ...request, headers };
    if (principal) whole.principal ??= principal;
    const response = await this.#handler(whole);
    if (response.status >= 400) throw await readError(response);
    return response;
  }

  async #json<T>(method: string, url: string, body?: unknown, type = "application/json"): Promise<T> {
    const content =
      body === undefined ? {} : { body: encoder.encode(JSON.stringify(body)), headers: { "content-type": type } };
    return parse(await this.request({ method, url, ...content }));
  }

  get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Promise<T> {
    return this.#json("GET", pathOf(resource, ref.namespace, ref.name));
  }

  async find<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Promise<T | undefined> {
    try {
      return await this.get(resource, ref);
    } catch (error) {
      if (isReason(error, "NotFound")) return undefined;
      throw error;
    }
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<ListResult<T>> {
    const url = withQuery(pathOf(resource, options.namespace), listParameters(options));
    const answer = await parse<{ items: T[]; metadata: { resourceVersion?: string; continue?: string } }>(
      await this.request({ url, headers: formOf(options, true) }),
    );
    const { resourceVersion = "", continue: token } = answer.metadata;
    const type = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    const items = answer.items.map((item) => (item.kind ? item : { ...type, ...item }));
    return { items, resourceVersion, ...(token ? { continue: token } : {}) };
  }

  create<T extends KubeObject>(resource: Resource<T>, object: New<T>, options: WriteOptions = {}): Promise<T> {
    const { namespace, name } = object.metadata;
    const path = options.subresource
      ? pathOf(resource, namespace, name, options.subresource)
      : pathOf(resource, namespace);
    const type = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    return this.#json("POST", withQuery(path, writeParameters(options)), { ...type, ...object });
  }

  update<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const path = pathOf(resource, object.metadata.namespace, object.metadata.name, options.subresource);
    return this.#json("PUT", withQuery(path, writeParameters(options)), object);
  }

  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    return this.update(resource, object, { subresource: "status" });
  }

  patch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = pathOf(resource, ref.namespace, ref.name, options.subresource);
    return this.#json("PATCH", withQuery(path, writeParameters(options)), patch.body, patchTypes[patch.type]);
  }

  apply<T extends KubeObject>(resource: Resource<T>, object: New<T>, options: ApplyOptions): Promise<T> {
    const path = pathOf(resource, object.metadata.namespace, object.metadata.name, options.subresource);
    const body = { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
    return this.#json("PATCH", withQuery(path, writeParameters(options)), body, "application/apply-patch+yaml");
  }

  async delete(resource: Resource, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    await this.#json("DELETE", pathOf(resource, ref.namespace, ref.name), deleteBody(options));
  }

  async deleteCollection(resource: Resource, options: ListOptions, deletion: DeleteOptions = {}): Promise<void> {
    const url = withQuery(pathOf(resource, options.namespace), listParameters(options));
    await this.#json("DELETE", url, deleteBody(deletion));
  }

  async *watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    if (options.signal.aborted) return;
    const url = withQuery(pathOf(resource, options.namespace), watchParameters(options));
    try {
      const response = await this.request({ url, signal: options.signal, headers: formOf(options, false) });
      for await (const line of readLines(bytesOf(response.body))) {
        const event = JSON.parse(line) as WatchEvent<T> | { type: "ERROR"; object: Parameters<typeof errorOf>[0] };
        if (event.type === "ERROR") throw errorOf(event.object);
        yield event;
      }
    } catch (error) {
      if (!options.signal.aborted) throw error;
    }
  }
}

async function parse<T>(response: HttpResponse): Promise<T> {
  return JSON.parse(await readText(response)) as T;
}

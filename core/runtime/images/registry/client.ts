// One repository of one registry, at the first of its servers that has it. Source: OCI distribution-spec 1.1.
import { messageOf } from "@capstan/base/errors";
import type { AuthConfig } from "../../cri.ts";
import { RuntimeError } from "../../cri.ts";
import { digestOf } from "../digest.ts";
import { credentialsFor, type Keyring } from "../keyring.ts";
import { type Descriptor, documentLimit, indexTypes, manifestTypes } from "../manifest.ts";
import { formatReference, type Reference } from "../reference.ts";
import { answerChallenge } from "./authorization.ts";
import { type Answer, type HttpClient, UnreachableError } from "./http.ts";
import type { Endpoint } from "./options.ts";

export interface RegistryClientOptions {
  http: HttpClient;
  reference: Reference;
  /** In the order in which they are asked. */
  endpoints: Endpoint[];
  auth?: AuthConfig;
  /** The node's own. */
  keyrings?: Keyring[];
}

const acceptManifests = [...indexTypes, ...manifestTypes].join(", ");

/** A server has answered that it does not give what it was asked for. */
class RefusedError extends Error {
  override name = "RefusedError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #name: string;
  #endpoint: Endpoint | undefined;
  #authorization: string | undefined;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.#name = formatReference(options.reference);
  }

  get http(): HttpClient {
    return this.#options.http;
  }

  /** The manifest that the reference stands for, from the first server that has it. */
  async resolve(signal?: AbortSignal): Promise<{ text: string; digest: string }> {
    const { reference, endpoints } = this.#options;
    const failures: { endpoint: Endpoint; error: unknown }[] = [];
    for (const endpoint of endpoints) {
      this.#endpoint = endpoint;
      this.#authorization = undefined;
      try {
        return await this.#manifest(reference.digest ?? reference.tag ?? "", reference.digest, signal);
      } catch (error) {
        if (signal?.aborted) throw error;
        failures.push({ endpoint, error });
        // What a registry itself has answered counts: plain HTTP is only for what cannot be asked otherwise.
        if (!endpoint.mirrorOf && !(error instanceof UnreachableError && error.speaksNoTls)) break;
      }
    }
    throw this.#failure(failures);
  }

  /** The digest of what the reference stands for, without the manifest; undefined where no server tells it. */
  async digest(signal?: AbortSignal): Promise<string | undefined> {
    const { reference, endpoints } = this.#options;
    for (const endpoint of endpoints) {
      this.#endpoint = endpoint;
      this.#authorization = undefined;
      try {
        const answer = await this.#get(
          `manifests/${reference.tag}`,
          { accept: acceptManifests },
          signal,
          [200],
          "HEAD",
        );
        answer.body.resume();
        const digest = answer.headers["docker-content-digest"];
        if (typeof digest === "string") return digest;
      } catch (error) {
        // Asked for the manifest, the server says why.
        if (signal?.aborted || !(error instanceof RefusedError || error instanceof UnreachableError)) throw error;
      }
    }
    return undefined;
  }

  /** A manifest of an index. */
  async manifest({ digest, size }: Descriptor, signal?: AbortSignal): Promise<string> {
    const { text } = await this.#told(() => this.#manifest(digest, digest, signal), signal);
    if (Buffer.byteLength(text) !== size)
      throw new RuntimeError("InvalidImage", `manifest ${digest} is not of the size ${size} that its index says`);
    return text;
  }

  /** A small blob. */
  async document({ digest, size }: Descriptor, signal?: AbortSignal): Promise<string> {
    if (size > documentLimit)
      throw new RuntimeError("InvalidImage", `blob ${digest} is larger than the limit document = ${documentLimit}`);
    return await this.#told(async () => {
      const bytes = await this.http.read(await this.#get(`blobs/${digest}`, {}, signal), size);
      return checked(bytes, digest);
    }, signal);
  }

  /**
   * A blob's bytes, from an offset on where the server can: status 200, 206 or 416.
   * @throws RuntimeError for what another try does not mend.
   */
  async blob(digest: string, offset: number, signal?: AbortSignal): Promise<Answer> {
    try {
      return await this.#get(
        `blobs/${digest}`,
        offset > 0 ? { range: `bytes=${offset}-` } : {},
        signal,
        [200, 206, 416],
      );
    } catch (error) {
      throw error instanceof RefusedError && error.status < 500 ? this.failure(error) : error;
    }
  }

  async #manifest(which: string, digest: string | undefined, signal?: AbortSignal) {
    const answer = await this.#get(`manifests/${which}`, { accept: acceptManifests }, signal);
    const bytes = await this.http.read(answer, documentLimit);
    const given = answer.headers["docker-content-digest"];
    const text = checked(
      bytes,
      digest ?? (typeof given === "string" && given.startsWith("sha256:") ? given : undefined),
    );
    return { text, digest: digestOf(bytes) };
  }

  async #get(
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
    fine = [200],
    method: "GET" | "HEAD" = "GET",
  ): Promise<Answer> {
    const { http, reference } = this.#options;
    const endpoint = this.#endpoint as Endpoint;
    const { origin, prefix, insecure, mirrorOf } = endpoint;
    const url = new URL(`${origin}/v2/${prefix}${reference.repository}/${path}`);
    if (mirrorOf) url.searchParams.set("ns", mirrorOf);
    for (let tries = 0; ; tries++) {
      const authorization: Record<string, string> = this.#authorization ? { authorization: this.#authorization } : {};
      const answer = await http.send(url, { method, headers: { ...headers, ...authorization }, insecure, signal });
      if (fine.includes(answer.status)) return answer;
      if (answer.status === 401 && tries === 0) {
        answer.body.destroy();
        this.#authorization = await this.#authorize(answer.headers["www-authenticate"] ?? "", endpoint, signal);
        if (this.#authorization) continue;
      }
      throw new RefusedError(answer.status, await refusal(http, answer));
    }
  }

  async #authorize(challenge: string, endpoint: Endpoint, signal?: AbortSignal): Promise<string | undefined> {
    const { http, reference, auth, keyrings = [] } = this.#options;
    const { origin, insecure, prefix } = endpoint;
    // A mirror is somebody else: it gets what is meant for it alone.
    const { host } = new URL(origin);
    const own = !endpoint.mirrorOf || auth?.serverAddress === host;
    const repository = `${prefix}${reference.repository}`;
    const registry = endpoint.mirrorOf ? host : reference.registry;
    const [nodes] = auth ? [] : credentialsFor({ registry, repository }, keyrings);
    return await answerChallenge(
      challenge,
      { http, origin, insecure, repository, auth: own ? (auth ?? nodes) : nodes },
      signal,
    );
  }

  /** An error as one of the pull, with what helps. */
  failure(error: unknown): RuntimeError {
    return this.#failure([{ endpoint: this.#endpoint as Endpoint, error }]);
  }

  async #told<T>(ask: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw error instanceof RuntimeError ? error : this.failure(error);
    }
  }

  #failure(failures: { endpoint: Endpoint; error: unknown }[]): RuntimeError {
    const { reference } = this.#options;
    const answered = !(failures.at(-1)?.error instanceof UnreachableError);
    // Where plain HTTP has answered, nobody cares that TLS has not.
    const worthTelling = failures.filter(
      ({ error, endpoint }, at) =>
        at === failures.length - 1 || endpoint.mirrorOf || !answered || !(error instanceof UnreachableError),
    );
    const told = worthTelling.map(({ error, endpoint }) =>
      error instanceof RefusedError ? `${endpoint.origin}: ${error.message}` : messageOf(error),
    );
    const why = `failed to pull image "${this.#name}": ${told.join("; ")}`;
    const last = failures.at(-1)?.error;
    if (last instanceof RuntimeError) return new RuntimeError(last.code, why);
    if (last instanceof RefusedError) {
      if (last.status === 404) return new RuntimeError("ImageNotFound", `${why}: not found`);
      if (last.status !== 401 && last.status !== 403) return new RuntimeError("Failed", why);
      const help = "it does not exist, or wants credentials: give the pod or its service account imagePullSecrets";
      return new RuntimeError("Failed", `${why}: pull access denied for ${reference.repository}: ${help}`);
    }
    const { registry, repository } = reference;
    if (last instanceof UnreachableError && last.isUntrusted) {
      const help = `install its authority's certificate on the node, or start capstan with --insecure-registry ${registry}`;
      return new RuntimeError("Failed", `${why}: its certificate is not trusted: ${help}`);
    }
    const short = registry === "docker.io" ? repository.replace(/^library\//, "") : `${registry}/${repository}`;
    return new RuntimeError(
      "ImageNotFound",
      `${why}: the registry cannot be reached. Without a way to it, start capstan with ` +
        `--registry-mirror ${registry}=http://MIRROR:5000, or with an --image-map FILE that says where the files are, ` +
        `such as {"${short}": {"rootfs": "host"}}`,
    );
  }
}

function checked(bytes: Buffer, digest: string | undefined): string {
  if (digest !== undefined && digestOf(bytes) !== digest)
    throw new RuntimeError("InvalidImage", `${digest}: the registry gives content of another digest`);
  return bytes.toString("utf8");
}

/** The first of the registry's own errors, or the status. */
async function refusal(http: HttpClient, answer: Answer): Promise<string> {
  const text = (await http.read(answer, documentLimit)).toString("utf8");
  // Not every server answers in the registry's words.
  const [, words = ""] = /"message"\s*:\s*"((?:[^"\\]|\\.){1,200})/.exec(text) ?? [];
  return words ? `status ${answer.status}: ${words}` : `status ${answer.status}`;
}

// What images say of their containers, asked of their registries, without pulling them.
import type { AuthConfig } from "../../cri.ts";
import { RuntimeError } from "../../cri.ts";
import type { ImageSettings } from "../image.ts";
import { readDockerConfig } from "../keyring.ts";
import { type Descriptor, machinePlatform, parseConfiguration, parseManifest } from "../manifest.ts";
import { formatReference, parseReference, type Reference } from "../reference.ts";
import { RegistryClient } from "./client.ts";
import { HttpClient } from "./http.ts";
import { defaultTimings, endpointsOf, type RegistryOptions } from "./options.ts";

export interface ImageLookup extends Disposable {
  /**
   * An image's settings; of an index those for this machine's platform, else its first one's.
   * @param credentials tried one after another; none: as anybody.
   * @throws RuntimeError as a pull does.
   */
  find(image: string, credentials: AuthConfig[], signal?: AbortSignal): Promise<ImageSettings>;
}

/** An index may hold indexes, so deep. */
const depthLimit = 3;

export function createImageLookup(options: RegistryOptions = {}): ImageLookup {
  const http = new HttpClient({ ...defaultTimings, ...options.timings });
  return {
    async find(image, credentials, signal) {
      const reference = parseReference(image);
      let failure: unknown;
      for (const auth of credentials.length > 0 ? credentials : [undefined]) {
        try {
          return await readSettings(clientOf(reference, http, options, auth), formatReference(reference), signal);
        } catch (error) {
          signal?.throwIfAborted();
          failure = error;
        }
      }
      throw failure;
    },
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}

function clientOf(reference: Reference, http: HttpClient, options: RegistryOptions, auth: AuthConfig | undefined) {
  const endpoints = endpointsOf(reference.registry, options);
  const keyrings = options.configFile === undefined ? [] : [readDockerConfig(options.configFile)];
  return new RegistryClient({ http, reference, endpoints, ...(auth ? { auth } : {}), keyrings });
}

async function readSettings(client: RegistryClient, where: string, signal?: AbortSignal): Promise<ImageSettings> {
  let parsed = parseManifest((await client.resolve(signal)).text, where);
  for (let depth = 0; parsed.kind === "index"; depth++) {
    if (depth >= depthLimit) {
      const limit = `the limit depth = ${depthLimit}`;
      throw new RuntimeError("InvalidImage", `${where}: more indexes in each other than ${limit}`);
    }
    parsed = parseManifest(await client.manifest(choose(parsed.manifests, where), signal), where);
  }
  return parseConfiguration(await client.document(parsed.config, signal), where).settings;
}

/** Commands seldom differ between platforms, and the image may be for nodes of another one than this machine's. */
function choose(manifests: Descriptor[], where: string): Descriptor {
  const { os, architecture } = machinePlatform;
  const own = manifests.find(({ platform }) => platform?.os === os && platform.architecture === architecture);
  const chosen = own ?? manifests[0];
  if (!chosen) throw new RuntimeError("InvalidImage", `${where}: the index is empty`);
  return chosen;
}

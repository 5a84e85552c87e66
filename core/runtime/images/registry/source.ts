import { rmSync } from "node:fs";
import type { AuthConfig } from "../../cri.ts";
import { formatReference, type Reference } from "../reference.ts";
import type { ImageSource } from "../source.ts";
import { RegistryClient } from "./client.ts";
import type { Downloads } from "./downloads.ts";
import { HttpClient } from "./http.ts";
import { defaultTimings, endpointsOf, type RegistryOptions } from "./options.ts";

/** An image in a registry. Its connections are closed when it is disposed of. */
export function registrySource(
  reference: Reference,
  options: RegistryOptions,
  downloads: Downloads,
  auth?: AuthConfig,
): ImageSource & Disposable {
  const http = new HttpClient({ ...defaultTimings, ...options.timings });
  const endpoints = endpointsOf(reference.registry, options);
  const client = new RegistryClient({ http, reference, endpoints, auth });
  return {
    where: formatReference(reference),
    top: (signal) => client.resolve(signal),
    digest: (signal) => client.digest(signal),
    manifest: (descriptor, signal) => client.manifest(descriptor, signal),
    document: (descriptor, signal) => client.document(descriptor, signal),
    async layer(descriptor, received, signal) {
      const blob = await downloads.fetch(client, descriptor, received, signal);
      return { blob, done: () => rmSync(blob, { force: true }) };
    },
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}

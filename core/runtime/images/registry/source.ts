import { rmSync } from "node:fs";
import type { AuthConfig } from "../../cri.ts";
import { readDockerConfig } from "../keyring.ts";
import { formatReference, type Reference } from "../reference.ts";
import type { ImageSource } from "../source.ts";
import { RegistryClient } from "./client.ts";
import type { Downloads } from "./downloads.ts";
import type { HttpClient } from "./http.ts";
import { endpointsOf, type RegistryOptions } from "./options.ts";

/** What all pulls share. */
export interface RegistryAccess {
  options: RegistryOptions;
  http: HttpClient;
  downloads: Downloads;
}

/** An image in a registry. */
export function registrySource(
  reference: Reference,
  { options, http, downloads }: RegistryAccess,
  auth?: AuthConfig,
): ImageSource {
  const endpoints = endpointsOf(reference.registry, options);
  const keyrings = options.configFile === undefined ? [] : [readDockerConfig(options.configFile)];
  const client = new RegistryClient({ http, reference, endpoints, auth, keyrings });
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
  };
}

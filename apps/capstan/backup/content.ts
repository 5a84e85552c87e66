// What a backup holds: the store at one revision, the keys and certificates, and the settings that go with them.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { type ArchiveFile, isStoreError, type Store, writeArchive } from "@capstan/core/store";
import type { DataDirectory } from "../instance/data-directory.ts";

/** Files of the data directory that the store's content depends on, beside those of pki. */
const settings = ["network.json", "console-secret", "quickstart.json"];
const pkiFile = /^pki(\/[A-Za-z0-9][A-Za-z0-9._-]{0,100}){1,3}$/;

/** Everything in the data directory that a restore replaces. */
export const replaced = ["store", "pki", ...settings];
/** What the next start writes anew from that. */
export const derived = ["kubeconfig", "gateway-token", "console-logins"];

/** Whether a file of this name belongs into a backup. Nothing else is ever written from one. */
export const isContent = (name: string): boolean => settings.includes(name) || pkiFile.test(name);

export interface ContentOptions {
  /** What can be read of a damaged store is enough. */
  salvage: boolean;
}

/** The backup, chunk by chunk; the store may be written meanwhile. Throws for a damaged store unless it is salvaged. */
export function readContent(store: Store, directory: DataDirectory, options: ContentOptions): Iterable<Uint8Array> {
  const { failure } = store;
  if (!options.salvage && isStoreError(failure, "Corrupted")) throw failure;
  return read(store, directory);
}

function* read(store: Store, directory: DataDirectory): Generator<Uint8Array> {
  using snapshot = store.snapshot();
  yield* writeArchive(snapshot, readFiles(directory), new Date().toISOString());
}

function readFiles({ root, path }: DataDirectory): ArchiveFile[] {
  const pki = path("pki");
  const found = existsSync(pki) ? readdirSync(pki, { recursive: true, withFileTypes: true }) : [];
  const inPki = found
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  return [...settings, ...inPki]
    .filter((name) => isContent(name) && existsSync(path(name)))
    .map((name) => ({ name, bytes: readFileSync(path(name)) }));
}

// What a backup holds: the store at one revision, the keys and certificates, the settings that go with them, the records.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Records } from "@capstan/core/records";
import { type ArchiveFile, isStoreError, type Store, writeArchive } from "@capstan/core/store";
import type { DataDirectory } from "../instance/data-directory.ts";
import { copyRecords, isRecordsPart, readRecords, recordsFiles } from "./records.ts";

/** Files of the data directory that the store's content depends on, beside those of pki. */
const settings = ["network.json", "console-secret", "quickstart.json"];
const pkiFile = /^pki(\/[A-Za-z0-9][A-Za-z0-9._-]{0,100}){1,3}$/;

/** Everything in the data directory that a restore replaces. */
export const replaced = ["store", "pki", ...settings, ...recordsFiles];
/** What the next start writes anew from that. */
export const derived = ["kubeconfig", "gateway-token", "console-logins"];

/** Whether a file of this name belongs into a backup. Nothing else is ever written from one. */
export const isContent = (name: string): boolean =>
  settings.includes(name) || pkiFile.test(name) || isRecordsPart(name);

export interface ContentOptions {
  /** What can be read of a damaged store is enough. */
  salvage: boolean;
  /** Those that the platform has open; else they are read where they lie. */
  records?: Records | undefined;
}

/** The backup, chunk by chunk; the store may be written meanwhile. Throws for a damaged store unless it is salvaged. */
export function readContent(
  store: Store,
  directory: DataDirectory,
  { salvage, records }: ContentOptions,
): AsyncIterable<Uint8Array> {
  const { failure } = store;
  if (!salvage && isStoreError(failure, "Corrupted")) throw failure;
  return read(store, directory, records);
}

/** The records are copied after the objects: what the objects say is archived is there. */
async function* read(store: Store, directory: DataDirectory, records: Records | undefined): AsyncGenerator<Uint8Array> {
  using snapshot = store.snapshot();
  using copy = await copyRecords(directory, records);
  const files = function* () {
    yield* readFiles(directory);
    if (copy) yield* readRecords(copy.file);
  };
  yield* writeArchive(snapshot, files(), new Date().toISOString());
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

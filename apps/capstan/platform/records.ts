// The records as a part of the platform: opened when something is written or asked, closed when everything else has ended.
import { Namespaces } from "@capstan/api/generated/resources";
import { aborted } from "@capstan/base/async";
import type { Client } from "@capstan/core/client";
import { createRecords, type Records } from "@capstan/core/records";
import { recordsName, sweepCopies } from "../backup/records.ts";
import type { DataDirectory } from "../instance/data-directory.ts";
import type { Parts } from "./parts.ts";
import type { RecordsSettings } from "./settings.ts";

export interface RecordsPartOptions {
  directory: DataDirectory;
  records: RecordsSettings;
  parts: Parts;
}

/** @param client asked for the cluster's identity, which is the UID of its namespace kube-system. */
export function addRecords({ directory, records: { url }, parts }: RecordsPartOptions, client: () => Client): Records {
  sweepCopies(directory);
  const file = directory.path(recordsName);
  const identity = async () => (await client().get(Namespaces, { name: "kube-system" })).metadata.uid ?? "";
  const records = createRecords(
    url === undefined ? { database: { file }, cluster: "local" } : { database: { url }, cluster: identity },
  );
  parts.add({
    name: "records",
    problem: () => records.problem?.(),
    about: () => (url === undefined ? file : withoutPassword(url)),
    async start(signal) {
      await aborted(signal);
      await records[Symbol.asyncDispose]();
    },
  });
  return records;
}

function withoutPassword(text: string): string {
  const url = new URL(text);
  return `${url.protocol}//${url.host}${url.pathname}`;
}

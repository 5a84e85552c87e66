import type { ObjectRef } from "@capstan/api/meta";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import type { Informers } from "@capstan/core/reconcile";

/** The artifact repository as directories of the node that model servers run on. */
export interface ArtifactDirectories {
  /** Absolute path of a namespace's artifacts; keys are paths below it. */
  root(namespace: string): string;
}

export interface ServingOptions {
  client: Client;
  informers: Informers;
  log: Logger;
  /** Absent where the repository is no directory: `model://` is then refused. */
  artifacts?: ArtifactDirectories;
  /** Directories that `file://` may name, absolute; default none. */
  fileRoots?: string[];
  /** Model services are `<name>-<namespace>.<domain>`. */
  domain: string;
  /** The port in their URLs, where it is not 80. */
  publicPort?: number;
  /** The gateway that routes attach to. */
  gateway: ObjectRef;
}

import type { Requirement } from "@capstan/api/meta";
import type { AuditOptions } from "@capstan/cluster/apiserver/audit";
import type { ImageMapping, RegistryOptions } from "@capstan/core/runtime";
import type { DataDirectory } from "../instance/data-directory.ts";
import type { ProxyModeFlag } from "./network.ts";
import type { RuntimeFlag } from "./runtime-flag.ts";

/** What `capstan up` was asked for. */
export interface Settings {
  directory: DataDirectory;
  apiPort: number;
  consolePort: number;
  gatewayPort: number;
  nodes: number;
  /** What runs the containers of all nodes. */
  runtime: RuntimeFlag;
  /** How Services are served. */
  proxyMode: ProxyModeFlag;
  /** Node ports and host ports are open to other machines at the node's addresses of these ranges. */
  nodePortRanges: string[];
  /** A node that is silent for longer counts as lost. */
  nodeGraceSeconds: number;
  quickstart: boolean;
  /** Absolute path of the directory of FlexVolume drivers; absent: the kubelet's. */
  volumePluginDir?: string | undefined;
  /** Absolute path of the directory of the first node's static pods; absent: `manifests` in the data directory. */
  manifestDir?: string | undefined;
  /** Image of the executor, which runs in workflows' pods; absent: the nodes do its work in their own processes. */
  executorImage?: string | undefined;
  imageMap: ImageMapping[];
  registries: RegistryOptions;
  records: RecordsSettings;
  /** Keeps the API server's audit events; absent: there are none. */
  audit?: AuditOptions;
}

/** Where finished workflows, memos, lineage and shared locks are kept. */
export interface RecordsSettings {
  /** A PostgreSQL database; absent: a file in the data directory. */
  url?: string | undefined;
  /** Which finished workflows are archived, and for how many milliseconds; absent: none. */
  archive?: { selector?: Requirement[]; ttl?: number } | undefined;
}

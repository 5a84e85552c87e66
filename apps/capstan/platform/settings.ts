import type { ImageMapping } from "@capstan/core/runtime";
import type { DataDirectory } from "../instance/data-directory.ts";

/** What `capstan up` was asked for. */
export interface Settings {
  directory: DataDirectory;
  apiPort: number;
  consolePort: number;
  gatewayPort: number;
  nodes: number;
  quickstart: boolean;
  imageMap: ImageMapping[];
}

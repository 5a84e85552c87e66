import type { Call } from "../call.ts";
import type { Output } from "../output.ts";

/** What an action of `cron` was asked for. */
export interface Asked {
  output: Output;
  "all-namespaces": boolean;
  selector?: string | undefined;
  all: boolean;
  schedule?: string | undefined;
  parameter?: string[] | undefined;
  "parameter-file"?: string | undefined;
  entrypoint?: string | undefined;
  name?: string | undefined;
  start?: string | undefined;
  end?: string | undefined;
  parallel: boolean;
  argname: string;
  maxworkflowcount: string;
  "dry-run": boolean;
}

export type Action = (call: Call, targets: string[], asked: Asked) => Promise<void>;

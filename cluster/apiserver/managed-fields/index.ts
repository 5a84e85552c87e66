import type { KubeObject } from "@capstan/api/meta";
import type { Kind } from "../kind.ts";

export interface Recorder {
  manager: string;
  subresource: string;
}

export function recordUpdate(_kind: Kind, _object: KubeObject, _old: KubeObject | undefined, _by: Recorder): void {}

// events.k8s.io/v1 and core/v1 are two forms of the same events. Source: upstream's pkg/apis/events/v1/conversion.go.
import type { KubeObject } from "@capstan/api/meta";

type Loose = KubeObject & Record<string, unknown>;

/** Name in events.k8s.io/v1 → name in core/v1. */
const names: [string, string][] = [
  ["regarding", "involvedObject"],
  ["note", "message"],
  ["reportingController", "reportingComponent"],
  ["deprecatedSource", "source"],
  ["deprecatedFirstTimestamp", "firstTimestamp"],
  ["deprecatedLastTimestamp", "lastTimestamp"],
  ["deprecatedCount", "count"],
];

function rename(object: KubeObject, apiVersion: string, from: 0 | 1): KubeObject {
  const result: Loose = { ...object, apiVersion };
  for (const pair of names) {
    const [old, next] = [pair[from], pair[1 - from]] as [string, string];
    if (result[old] === undefined) continue;
    result[next] = result[old];
    delete result[old];
  }
  return result;
}

export const eventConversion = {
  fromStored: (object: KubeObject): KubeObject => rename(object, "events.k8s.io/v1", 1),
  toStored(object: KubeObject): KubeObject {
    const stored = rename(object, "v1", 0) as Loose;
    stored.involvedObject ??= {};
    return stored;
  },
};

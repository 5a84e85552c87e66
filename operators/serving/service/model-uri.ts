export interface ModelUri {
  name: string;
  /** Absent: the newest. */
  version?: number;
}

/** `model://<name>[/<version>]`; undefined for anything else. */
export function modelUri(uri: string | undefined): ModelUri | undefined {
  const match = /^model:\/\/([a-z0-9]([-a-z0-9.]*[a-z0-9])?)(?:\/(\d{1,9}))?\/?$/.exec(uri ?? "");
  const [, name, , version] = match ?? [];
  if (name === undefined) return undefined;
  return version === undefined ? { name } : { name, version: Number(version) };
}

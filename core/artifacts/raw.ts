// The store whose content is in the manifest itself.
import { writeFile } from "node:fs/promises";
import { type ArtifactStore, unable } from "./store.ts";

export function createRawStore(data: string): ArtifactStore {
  return {
    stat: async () => ({ kind: "file", size: Buffer.byteLength(data) }),
    // biome-ignore lint/correctness/useYield: it only refuses.
    async *list() {
      unable("raw", "listed");
    },
    async *stream() {
      yield Buffer.from(data);
    },
    async load(_, host) {
      await writeFile(host, data);
      return true;
    },
    save: async () => unable("raw", "saved"),
    delete: async () => unable("raw", "deleted"),
  };
}

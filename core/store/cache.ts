/** Something whose bytes can be read again from disk when they are dropped. */
export interface Cached {
  bytes: Uint8Array | undefined;
  /** While above 0 the bytes stay: a write replaces them on disk before readers may see it. */
  pins: number;
}

/** Keeps the most recently used bytes in memory, up to a limit. */
export interface ByteCache {
  /** The item's bytes were used or have just been set. */
  touch(item: Cached): void;
  /** The item is no longer anyone's present state: its bytes stay as they are and count no more. */
  forget(item: Cached): void;
}

export function createByteCache(limit: number): ByteCache {
  const held = new Map<Cached, number>();
  let total = 0;
  const drop = (item: Cached) => {
    total -= held.get(item) ?? 0;
    held.delete(item);
  };
  return {
    touch(item) {
      drop(item);
      const size = item.bytes?.byteLength ?? 0;
      held.set(item, size);
      total += size;
      if (total <= limit) return;
      for (const oldest of held.keys()) {
        if (total <= limit) break;
        if (oldest.pins > 0 || oldest === item) continue;
        drop(oldest);
        oldest.bytes = undefined;
      }
    },
    forget: drop,
  };
}

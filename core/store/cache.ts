/** Something whose bytes can be read again from disk when they are dropped. */
export interface Cached {
  bytes: Uint8Array | undefined;
  /** While above 0 the bytes stay: a write replaces them on disk before readers may see it. */
  pins: number;
  /** The cache's own: neighbours in the order of use, absent while nothing is held of it. */
  older?: Cached | undefined;
  newer?: Cached | undefined;
  /** The cache's own: how many bytes it counts for. */
  held?: number | undefined;
}

/** Keeps the most recently used bytes in memory, up to a limit. */
export interface ByteCache {
  /** The item's bytes were used or have just been set. */
  touch(item: Cached): void;
  /** Whether so many bytes more push nothing out. */
  hasRoom(size: number): boolean;
  /** The item is no longer anyone's present state: its bytes stay as they are and count no more. */
  forget(item: Cached): void;
}

export function createByteCache(limit: number): ByteCache {
  /** Its `newer` is the oldest item, its `older` the newest. */
  const ring: Cached = { bytes: undefined, pins: 0 };
  ring.older = ring;
  ring.newer = ring;
  let total = 0;
  const unlink = (item: Cached) => {
    if (item.held === undefined) return;
    total -= item.held;
    (item.older as Cached).newer = item.newer;
    (item.newer as Cached).older = item.older;
    item.older = undefined;
    item.newer = undefined;
    item.held = undefined;
  };
  return {
    touch(item) {
      const size = item.bytes?.byteLength ?? 0;
      if (ring.older === item && item.held === size) return;
      unlink(item);
      item.held = size;
      item.older = ring.older;
      item.newer = ring;
      (ring.older as Cached).newer = item;
      ring.older = item;
      total += size;
      for (let oldest = ring.newer; total > limit && oldest && oldest !== item; ) {
        const next: Cached | undefined = oldest.newer;
        if (oldest.pins === 0) {
          unlink(oldest);
          oldest.bytes = undefined;
        }
        oldest = next;
      }
    },
    hasRoom: (size) => total + size <= limit,
    forget: unlink,
  };
}

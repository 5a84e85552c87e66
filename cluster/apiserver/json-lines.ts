// Joins bytes that are JSON already, so that lists and events are never parsed to be sent.
const encoder = new TextEncoder();
const comma = 44;
const close = encoder.encode("]}");

export interface ListHeader {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
}

/** A List document of items that are encoded already. */
export function joinList(header: ListHeader, items: readonly Uint8Array[]): Uint8Array {
  const head = encoder.encode(`${JSON.stringify(header).slice(0, -1)},"items":[`);
  let size = head.length + close.length + Math.max(0, items.length - 1);
  for (const item of items) size += item.length;
  const list = new Uint8Array(size);
  list.set(head);
  let at = head.length;
  for (const [i, item] of items.entries()) {
    if (i > 0) list[at++] = comma;
    list.set(item, at);
    at += item.length;
  }
  list.set(close, at);
  return list;
}

const newline = encoder.encode("}\n");
const heads = new Map<string, Uint8Array>();

/** One line of a watch: an object that is encoded already, in its event. */
export function eventLine(type: string, object: Uint8Array): Uint8Array {
  let head = heads.get(type);
  if (!head) {
    head = encoder.encode(`{"type":"${type}","object":`);
    heads.set(type, head);
  }
  const line = new Uint8Array(head.length + object.length + newline.length);
  line.set(head);
  line.set(object, head.length);
  line.set(newline, head.length + object.length);
  return line;
}

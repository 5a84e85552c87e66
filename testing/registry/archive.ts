// Tar archives of any shape: also those that no honest program writes.

export interface ArchiveEntry {
  path: string;
  /** Tar's type flag: 0 file, 1 hard link, 2 symbolic link, 3 character device, 5 directory, 6 FIFO. */
  type?: string;
  content?: string | Buffer;
  link?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  /** Seconds. */
  mtime?: number;
  /** Extended attributes: Base64. */
  attributes?: Record<string, string>;
  /** What the header says of the size, where that is to be a lie. */
  size?: number;
}

export function tar(entries: ArchiveEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocks), Buffer.alloc(1024)]);
}

function blocks(entry: ArchiveEntry): Buffer[] {
  const content = Buffer.from(entry.content ?? "");
  const records = Object.entries(entry.attributes ?? {}).map(([name, value]) =>
    record(`SCHILY.xattr.${name}`, Buffer.from(value, "base64")),
  );
  if (Buffer.byteLength(entry.path) > 100) records.push(record("path", Buffer.from(entry.path)));
  if (Buffer.byteLength(entry.link ?? "") > 100) records.push(record("linkpath", Buffer.from(entry.link ?? "")));
  const extended = Buffer.concat(records);
  const before = extended.length > 0 ? [header({ path: "pax", type: "x" }, extended.length), padded(extended)] : [];
  return [...before, header(entry, entry.size ?? content.length), padded(content)];
}

function record(key: string, value: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  let digits = 1;
  while (String(body.length + digits).length > digits) digits++;
  return Buffer.concat([Buffer.from(String(body.length + digits)), body]);
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

function header(entry: ArchiveEntry, size: number): Buffer {
  const { path, type = "0", link = "", mode = type === "5" ? 0o755 : 0o644, uid = 0, gid = 0, mtime = 0 } = entry;
  const head = Buffer.alloc(512);
  const octal = (value: number, at: number, length: number) =>
    head.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  head.write(path, 0, 100);
  octal(mode, 100, 8);
  octal(uid, 108, 8);
  octal(gid, 116, 8);
  octal(size, 124, 12);
  octal(mtime, 136, 12);
  head.write("        ", 148);
  head.write(type, 156);
  head.write(link, 157, 100);
  head.write("ustar\x0000", 257);
  octal(
    head.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return head;
}

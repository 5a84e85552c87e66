// Extended attributes: node:fs cannot set them, GNU tar can. It gets an archive of the files that have any.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, lstatSync, type Stats } from "node:fs";
import type { Writable } from "node:stream";
import { RuntimeError } from "../cri.ts";
import { findTool } from "../oci/command.ts";
import type { Attributed } from "./layer-unpacker.ts";
import { blockSize } from "./tar-header.ts";

/**
 * @param host where a path of the layer lies.
 * @returns whether they are set; without GNU tar they are not.
 */
export async function setAttributes(
  directory: string,
  files: Attributed[],
  host: (path: string) => string | Buffer,
): Promise<boolean> {
  const tar = findTool("tar");
  if (!tar) return false;
  const options = ["--overwrite", "--xattrs", "--xattrs-include=*", "--numeric-owner", "--same-owner", "-p"];
  const child = spawn(tar, ["-x", "-f", "-", "-C", directory, ...options], {
    stdio: ["pipe", "ignore", "pipe"],
    env: {},
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const closed = once(child, "close");
  // What it does not read it has refused: its exit code says so.
  child.stdin.on("error", () => {});
  for (const file of files) {
    const path = host(file.path);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() || stat?.isDirectory()) await writeEntry(child.stdin, file, path, stat);
  }
  child.stdin.end(Buffer.alloc(2 * blockSize));
  const [code] = (await closed) as [number | null];
  if (code === 0) return true;
  // BusyBox's tar knows no such options.
  if (/unrecognized option|invalid option/.test(stderr)) return false;
  throw new RuntimeError("Failed", `a layer's extended attributes could not be set: ${stderr.trim()}`);
}

async function writeEntry(to: Writable, file: Attributed, path: string | Buffer, stat: Stats): Promise<void> {
  const records = Buffer.concat([
    record("path", Buffer.from(file.path, "latin1")),
    ...[...file.attributes].map(([name, value]) => record(`SCHILY.xattr.${name}`, value)),
  ]);
  const size = stat.isFile() ? stat.size : 0;
  to.write(Buffer.concat([header("x", records.length), padded(records)]));
  to.write(header(stat.isFile() ? "0" : "5", size, stat));
  if (size === 0) return;
  for await (const chunk of createReadStream(path)) {
    if (!to.write(chunk) && !to.destroyed) await Promise.race([once(to, "drain"), once(to, "close")]);
  }
  to.write(padded(Buffer.alloc(0), size));
}

function record(key: string, value: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  // The length counts its own digits.
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function padded(data: Buffer, size = data.length): Buffer {
  return Buffer.concat([data, Buffer.alloc((blockSize - (size % blockSize)) % blockSize)]);
}

function header(flag: string, size: number, stat?: Stats): Buffer {
  const block = Buffer.alloc(blockSize);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  block.write("entry", 0);
  octal((stat?.mode ?? 0o644) & 0o7777, 100, 8);
  number(block, stat?.uid ?? 0, 108, 8);
  number(block, stat?.gid ?? 0, 116, 8);
  number(block, size, 124, 12);
  number(block, Math.max(0, Math.floor((stat?.mtimeMs ?? 0) / 1000)), 136, 12);
  block.write("        ", 148);
  block.write(flag, 156);
  block.write("ustar\x0000", 257);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}

/** Base 256, which all of GNU tar's fields may have. */
function number(block: Buffer, value: number, at: number, length: number): void {
  block[at] = 0x80;
  for (let index = at + length - 1, left = value; index > at; index--, left = Math.floor(left / 256))
    block[index] = left % 256;
}

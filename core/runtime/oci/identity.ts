import { readFileSync } from "node:fs";
import { RuntimeError, type SecurityConfig } from "../cri.ts";
import type { Identity } from "./command-line.ts";
import type { LayeredRoot } from "./layers.ts";

const sizeLimit = 1 << 20;

/**
 * Who a container runs as: runAsUser and runAsGroup, else the image's `user[:group]`, by number or by a name of the
 * image's own /etc/passwd and /etc/group.
 */
export function identityOf(
  root: LayeredRoot,
  imageUser: string,
  security: SecurityConfig,
): Identity & { home: string } {
  const [user = "", group = ""] = (security.user ?? imageUser).split(":");
  const passwd = records(root, "/etc/passwd");
  const groups = records(root, "/etc/group");
  const name = user === "" ? "0" : user;
  const entry = passwd.find((fields) => fields[0] === name) ?? passwd.find((fields) => fields[2] === name);
  const uid = entry ? Number(entry[2]) : number(name);
  if (uid === undefined) throw new RuntimeError("InvalidArgument", `the image has no user "${name}"`);
  let gid = security.group;
  if (gid === undefined && group !== "") {
    const found = groups.find((fields) => fields[0] === group);
    gid = found ? Number(found[2]) : number(group);
    if (gid === undefined) throw new RuntimeError("InvalidArgument", `the image has no group "${group}"`);
  }
  const member = entry ? groups.filter((fields) => (fields[3] ?? "").split(",").includes(entry[0] ?? "")) : [];
  const all = new Set([...member.map((fields) => Number(fields[2])), ...(security.supplementalGroups ?? [])]);
  return { uid, gid: gid ?? (entry ? Number(entry[3]) : 0), groups: [...all], home: entry?.[5] || "/" };
}

function number(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function records(root: LayeredRoot, path: string): string[][] {
  const { host, stat } = root.locate(path);
  if (!stat?.isFile()) return [];
  if (stat.size > sizeLimit) throw new RuntimeError("InvalidImage", `${path} is larger than ${sizeLimit} bytes`);
  const lines = readFileSync(host, "utf8").split("\n");
  return lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(":"));
}

import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Entry } from "@capstan/core/pki/kubeadm";

/** The certificates of an instance's data directory. @throws when it has none */
export function readInstanceCertificates(root: string): Entry[] {
  const nodes = join(root, "nodes");
  const directories = [
    join(root, "pki"),
    join(root, "pki", "front-proxy"),
    ...(existsSync(nodes) ? readdirSync(nodes).map((name) => join(nodes, name)) : []),
  ];
  const files = directories
    .filter((directory) => existsSync(directory))
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)))
    .filter((file) => file.endsWith(".crt"));
  if (files.length === 0)
    throw new Error(`${root}: there are no certificates here; start the platform with: capstan up`);
  return files.map((file) => entryOf(file, root));
}

function entryOf(file: string, root: string): Entry {
  const certificate = new X509Certificate(readFileSync(file));
  const front = file.includes("front-proxy");
  const isAuthority = basename(file) === "ca.crt";
  const name = file
    .slice(root.length + 1)
    .replace(/\.crt$/, "")
    .replace(/^pki\//, "");
  const authority = isAuthority ? "" : front ? "front-proxy/ca" : "ca";
  return {
    name,
    path: file,
    file,
    authority,
    users: [],
    kind: isAuthority ? "authority" : "certificate",
    certificate,
    external: false,
  };
}

import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Document, YAMLMap } from "yaml";

/** The client's certificate and key of a kubeconfig's current user, and where they stand. */
export interface Credentials {
  cert: string;
  /** Absent when the kubeconfig names a file without a key. */
  key?: string;
  /** Path of the file that holds both, when the kubeconfig only names it. */
  file?: string;
}

async function parse(text: string, path: string): Promise<Document> {
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw new Error(`${path}: it is no YAML: ${problem.message}`);
  return document;
}

async function userOf(document: Document, path: string): Promise<YAMLMap> {
  const { isMap, isSeq } = await import("yaml");
  const named = (section: string, name: unknown) => {
    const list = document.get(section);
    const item = isSeq(list) ? list.items.find((each) => isMap(each) && each.get("name") === name) : undefined;
    return isMap(item) ? item : undefined;
  };
  const context = named("contexts", document.get("current-context"))?.get("context");
  const user = isMap(context) ? named("users", context.get("user"))?.get("user") : undefined;
  if (!isMap(user)) throw new Error(`${path}: its current context names no user`);
  return user;
}

/** Undefined when the user has no certificate, but a token, say. `lacking` is a file that is named and not there. */
export async function readCredentials(
  text: string,
  path: string,
): Promise<Credentials | { lacking: string } | undefined> {
  const user = await userOf(await parse(text, path), path);
  const decode = (value: unknown) => (typeof value === "string" ? Buffer.from(value, "base64").toString() : undefined);
  const [cert, key] = [decode(user.get("client-certificate-data")), decode(user.get("client-key-data"))];
  if (cert !== undefined) return { cert, ...(key === undefined ? {} : { key }) };
  const file = user.get("client-certificate");
  if (typeof file !== "string") return undefined;
  const found = resolve(dirname(path), file);
  if (!existsSync(found)) return { lacking: found };
  const pem = readFileSync(found, "utf8");
  return { cert: pem, file: found, ...(pem.includes("PRIVATE KEY-----") ? { key: pem } : {}) };
}

/** The kubeconfig with another certificate and key in it; everything else as it was. */
export async function withCredentials(text: string, path: string, cert: string, key: string): Promise<string> {
  const document = await parse(text, path);
  const user = await userOf(document, path);
  user.set("client-certificate-data", Buffer.from(cert).toString("base64"));
  user.set("client-key-data", Buffer.from(key).toString("base64"));
  return document.toString({ lineWidth: 0 });
}

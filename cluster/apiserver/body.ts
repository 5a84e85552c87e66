import { goJsonError, StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { HttpRequest } from "@capstan/base/http";
import { depthLimit, scanJson } from "./json-scan.ts";

/** Largest request body, in bytes. Source: apiserver's MaxRequestBodyBytes. */
export const bodyLimit = 3 * 1024 * 1024;

export interface Body {
  value: unknown;
  /** What to say of keys given twice; the last one counted. */
  duplicates: string[];
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The content type without its parameters, in lower case; JSON when absent. */
export function mediaTypeOf(request: HttpRequest): string {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  return type || "application/json";
}

export function checkSize(request: HttpRequest): void {
  if (request.body && request.body.length > bodyLimit) {
    throw new StatusError("RequestEntityTooLarge", `Request entity too large: limit is ${bodyLimit}`);
  }
}

/**
 * Decodes a JSON, YAML or protobuf body; an empty one is undefined.
 * @param wanted the kind that the body should be, for errors. Throws RequestEntityTooLarge, BadRequest,
 * UnsupportedMediaType.
 */
export async function readBody(request: HttpRequest, wanted?: string): Promise<Body> {
  checkSize(request);
  const { body } = request;
  if (!body || body.length === 0) return { value: undefined, duplicates: [] };
  const type = mediaTypeOf(request);
  const patch = request.method === "PATCH";
  if (type === "application/json" || (patch && type.endsWith("+json"))) return parseJson(decodeText(body), wanted);
  if (type === "application/yaml" || (patch && type.endsWith("+yaml"))) return parseYaml(decodeText(body));
  if (type === "application/vnd.kubernetes.protobuf") {
    const { decodeProtobuf } = await import("@capstan/api/protobuf");
    return { value: decodeProtobuf(body), duplicates: [] };
  }
  throw new StatusError(
    "UnsupportedMediaType",
    "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  );
}

function decodeText(body: Uint8Array): string {
  try {
    return decoder.decode(body);
  } catch {
    throw new StatusError("BadRequest", "the body of the request is not valid UTF-8");
  }
}

/** @param kind that the text should have been. Source: the words of apiserver's transformDecodeError. */
export function malformedObject(kind: string, text: string, problem: string): StatusError {
  const bytes = new TextEncoder().encode(text);
  const hex = () => Array.from(bytes.subarray(0, shownBytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const shown = bytes.length === 0 ? "<empty>" : text.startsWith("{") ? text.slice(0, shownBytes) : hex();
  return new StatusError(
    "BadRequest",
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${problem} (${shown}${bytes.length > shownBytes ? " ..." : ""})`,
  );
}

/** Of a body that is no object, this much is shown. */
const shownBytes = 30;

/** Parses JSON and refuses what would be read wrongly. Throws BadRequest. */
export function parseJson(text: string, wanted?: string): Body {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    const problem = wanted === undefined ? undefined : goJsonError(text);
    if (wanted !== undefined && problem) throw malformedObject(wanted, text, problem);
    throw new StatusError("BadRequest", `the body of the request is not valid JSON: ${messageOf(thrown)}`);
  }
  const scan = scanJson(text, value);
  if (scan.tooDeep) throw new StatusError("BadRequest", `the body nests deeper than the limit of ${depthLimit} levels`);
  if (scan.prototype !== undefined) throw new StatusError("BadRequest", `${scan.prototype}: this key is not accepted`);
  if (scan.inexact !== undefined) {
    throw new StatusError("BadRequest", `${scan.inexact}: integers must lie between -(2^53 - 1) and 2^53 - 1`);
  }
  return { value, duplicates: scan.duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`) };
}

/** Reads an applied configuration: clients send JSON under the name of YAML. */
export function parseYamlOrJson(body: Uint8Array): Body | Promise<Body> {
  const text = decodeText(body);
  return /^\s*\{/.test(text) ? parseJson(text) : parseYaml(text);
}

async function parseYaml(text: string): Promise<Body> {
  const { LineCounter, parseDocument, isMap, visit } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { uniqueKeys: false, merge: true, logLevel: "error", lineCounter: lines });
  const [error] = document.errors;
  if (error) throw new StatusError("BadRequest", `error converting YAML to JSON: ${error.message}`);
  const duplicates: string[] = [];
  visit(document, {
    Map(_, node) {
      if (!isMap(node)) return;
      const seen = new Set<string>();
      for (const { key } of node.items) {
        const name = String(key);
        if (seen.has(name)) {
          const { line } = lines.linePos((key as { range?: [number] } | null)?.range?.[0] ?? 0);
          duplicates.push(`line ${line}: key ${JSON.stringify(name)} already set in map`);
        }
        seen.add(name);
      }
    },
  });
  let json: string;
  try {
    json = JSON.stringify(document.toJS({ maxAliasCount: 100 }));
  } catch (thrown) {
    throw new StatusError("BadRequest", `error converting YAML to JSON: ${messageOf(thrown)}`);
  }
  return { value: parseJson(json ?? "null").value, duplicates };
}

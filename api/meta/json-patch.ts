import { StatusError } from "./status.ts";

export interface JsonPatchOperation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}

/** Operations in one patch. Source: apiserver's maxJSONPatchOperations. */
export const operationLimit = 10_000;

/** What one patch may add by copying, characters of JSON. Source: apiserver's JSONPatchMaxCopyBytes. */
const copyLimit = 3 * 2 ** 20;

/** Nesting of a path and of what is copied to it: a copy into itself doubles the depth each time. */
const depthLimit = 512;

type Container = Record<string, unknown> | unknown[];
const isContainer = (value: unknown): value is Container => typeof value === "object" && value !== null;
/** Upstream does not say what it was. */
const failed = () => new StatusError("Invalid", "the server rejected our request due to an error in our request", {});

/** Applies RFC 6902 to a document in place and returns it (or its replacement). Throws Invalid, or BadRequest for a malformed patch. */
export function applyJsonPatch(document: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) {
    const is = operations === null ? "null" : typeof operations;
    throw new StatusError(
      "BadRequest",
      `error decoding patch: json: cannot unmarshal ${is} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  if (operations.length > operationLimit) {
    throw new StatusError(
      "RequestEntityTooLarge",
      `Request entity too large: The allowed maximum operations in a JSON patch is ${operationLimit}, got ${operations.length}`,
    );
  }
  let root = document;
  const budget = { left: copyLimit };
  for (const operation of operations as JsonPatchOperation[]) root = applyOne(root, operation, budget);
  return root;
}

interface Budget {
  left: number;
}

function applyOne(root: unknown, operation: JsonPatchOperation, budget: Budget): unknown {
  if (!isContainer(operation) || typeof operation.op !== "string" || typeof operation.path !== "string") {
    throw failed();
  }
  const path = parsePointer(operation.path);
  switch (operation.op) {
    case "add":
      return add(root, path, operation.value ?? null);
    case "replace":
      return replace(root, path, operation.value ?? null);
    case "remove":
      return remove(root, path);
    case "test":
      if (!equal(read(root, path) ?? null, operation.value ?? null)) {
        throw failed();
      }
      return root;
    case "copy":
    case "move": {
      if (typeof operation.from !== "string") throw failed();
      const from = parsePointer(operation.from);
      const value = copyOf(find(root, from), path.length, budget);
      const without = operation.op === "move" ? remove(root, from) : root;
      return add(without, path, value);
    }
    default:
      throw failed();
  }
}

function copyOf(value: unknown, depth: number, budget: Budget): unknown {
  budget.left -= typeof value === "string" ? value.length + 3 : 3;
  if (depth > depthLimit || budget.left < 0) throw failed();
  if (Array.isArray(value)) return value.map((item) => copyOf(item, depth + 1, budget));
  if (!isContainer(value)) return value;
  const copy = {};
  for (const [key, item] of Object.entries(value)) {
    budget.left -= key.length + 3;
    put(copy, [key], copyOf(item, depth + 1, budget));
  }
  return copy;
}

function parsePointer(pointer: string): string[] {
  if (pointer === "") return [];
  // As upstream's library, whatever stands before the first slash is not looked at.
  const parts = pointer.split("/").slice(1);
  if (parts.length > depthLimit) throw failed();
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function read(root: unknown, path: string[]): unknown {
  let value = root;
  for (const part of path) {
    if (!isContainer(value) || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function find(root: unknown, path: string[]): unknown {
  const value = read(root, path);
  if (value === undefined) throw failed();
  return value;
}

function parentOf(root: unknown, path: string[]): Container {
  const parent = read(root, path.slice(0, -1));
  if (!isContainer(parent)) throw failed();
  return parent;
}

function add(root: unknown, path: string[], value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = parentOf(root, path);
  if (!Array.isArray(parent)) return put(root, path, value);
  const index = last === "-" ? parent.length : Number(last);
  if (!Number.isInteger(index) || index < 0 || index > parent.length) {
    throw failed();
  }
  parent.splice(index, 0, value);
  return root;
}

/** As upstream's library, a member that is not there is added. */
function replace(root: unknown, path: string[], value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = parentOf(root, path);
  if (Array.isArray(parent) && !(Number.isInteger(Number(last)) && Number(last) < parent.length)) throw failed();
  return put(root, path, value);
}

function put(root: unknown, path: string[], value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = read(root, path.slice(0, -1)) as Record<string, unknown>;
  Object.defineProperty(parent, last, { value, enumerable: true, configurable: true, writable: true });
  return root;
}

function remove(root: unknown, path: string[]): unknown {
  const last = path.at(-1);
  if (last === undefined) return null;
  const parent = parentOf(root, path);
  if (!Object.hasOwn(parent, last)) throw failed();
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
  return root;
}

/** Whether two JSON values are the same; order of keys does not matter, and undefined is as absent. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isContainer(a) || !isContainer(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key of Object.keys(left)) {
    const value = left[key];
    if (value === undefined ? right[key] !== undefined : !Object.hasOwn(right, key) || !equal(value, right[key]))
      return false;
  }
  for (const key of Object.keys(right)) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}

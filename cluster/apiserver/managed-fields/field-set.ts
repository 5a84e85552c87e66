// Sets of fields in the notation of managedFields: `f:name` a field, `k:{…}` a keyed item, `v:…` an item of a set.
export type FieldsV1 = Record<string, unknown>;

/** Deeper entries are dropped when they are read: no kind nests so deep. */
const depthLimit = 200;

export class FieldSet {
  /** Fields of this level that are in the set themselves. */
  readonly members = new Set<string>();
  readonly children = new Map<string, FieldSet>();

  static parse(fields: FieldsV1 | undefined, depth = 0): FieldSet {
    const set = new FieldSet();
    if (depth > depthLimit) return set;
    for (const [element, below] of Object.entries(fields ?? {})) {
      if (element === "." || typeof below !== "object" || below === null) continue;
      const inner = below as FieldsV1;
      const names = Object.keys(inner);
      if (names.length === 0 || Object.hasOwn(inner, ".")) set.members.add(element);
      const child = FieldSet.parse(inner, depth + 1);
      if (!child.isEmpty()) set.children.set(element, child);
    }
    return set;
  }

  format(): FieldsV1 {
    const fields: FieldsV1 = {};
    for (const element of [...new Set([...this.members, ...this.children.keys()])].sort()) {
      const child = this.children.get(element);
      if (!child) fields[element] = {};
      else fields[element] = this.members.has(element) ? { ".": {}, ...child.format() } : child.format();
    }
    return fields;
  }

  isEmpty(): boolean {
    return this.members.size === 0 && this.children.size === 0;
  }

  insert(path: readonly string[]): void {
    let set: FieldSet = this;
    for (const element of path.slice(0, -1)) set = set.child(element);
    const last = path.at(-1);
    if (last !== undefined) set.members.add(last);
  }

  /** The set below an element, made when it is missing. */
  child(element: string): FieldSet {
    let child = this.children.get(element);
    if (!child) {
      child = new FieldSet();
      this.children.set(element, child);
    }
    return child;
  }

  union(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const element of this.members) result.members.add(element);
    for (const element of other.members) result.members.add(element);
    for (const element of new Set([...this.children.keys(), ...other.children.keys()])) {
      const [a, b] = [this.children.get(element), other.children.get(element)];
      result.children.set(element, a && b ? a.union(b) : ((a ?? b) as FieldSet));
    }
    return result;
  }

  intersection(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const element of this.members) if (other.members.has(element)) result.members.add(element);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      result.keep(element, theirs && child.intersection(theirs));
    }
    return result;
  }

  /** Without the fields of `other`, each exactly. */
  difference(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const element of this.members) if (!other.members.has(element)) result.members.add(element);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      result.keep(element, theirs ? child.difference(theirs) : child);
    }
    return result;
  }

  /** Without the fields of `other` and all below them. */
  without(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const element of this.members) if (!other.members.has(element)) result.members.add(element);
    for (const [element, child] of this.children) {
      if (other.members.has(element)) continue;
      const theirs = other.children.get(element);
      result.keep(element, theirs ? child.without(theirs) : child);
    }
    return result;
  }

  private keep(element: string, child: FieldSet | undefined): void {
    if (child && !child.isEmpty()) this.children.set(element, child);
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty() && other.difference(this).isEmpty();
  }

  /** Every field as upstream writes it: `.spec.containers[name="a"].image`. */
  paths(prefix = ""): string[] {
    const own = [...this.members].map((element) => prefix + shown(element));
    const below = [...this.children].flatMap(([element, child]) => child.paths(prefix + shown(element)));
    return [...own, ...below].sort();
  }
}

function shown(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith("f:")) return `.${rest}`;
  if (element.startsWith("k:")) {
    const key = JSON.parse(rest) as Record<string, unknown>;
    return `[${Object.entries(key)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(",")}]`;
  }
  return element.startsWith("v:") ? `[=${rest}]` : `[${rest}]`;
}

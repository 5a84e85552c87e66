// A walk through one of a database's trees that trusts nothing it reads.
import { headerSize, type Meta, type Node, nodesOf, numberAt, type PageFile, type Tree } from "./pages.ts";

const [branchFlag, leafFlag, largeFlag] = [0x01, 0x02, 0x04];
/** A tree that is deeper is none: 2^24 pages fit in far less. */
const deepest = 32;

export interface Visitor {
  /** Each entry that can be found, in order but for what `problem` told of. `read` gives its value: undefined when it cannot be read. */
  entry(key: Buffer, read: () => Buffer | undefined): void;
  /** What lies from one key on and before another may be lost; undefined stands for the tree's beginning and end. */
  problem(from: Buffer | undefined, to: Buffer | undefined, why: string): void;
}

interface Page {
  isBranch: boolean;
  nodes: (Node | undefined)[];
}

interface Walk {
  file: PageFile;
  meta: Meta;
  visitor: Visitor;
  /** Pages that something refers to. */
  seen: Set<number>;
  found: Omit<Tree, "root" | "flags">;
  isOrdered: boolean;
  last: Buffer | undefined;
}

/** @param name which of the two trees: the keys of the free pages are no byte strings, and have another order */
export function walkTree(file: PageFile, meta: Meta, name: "free" | "main", visitor: Visitor, seen: Set<number>): void {
  const tree = meta[name];
  const found = { depth: 0, branches: 0, leaves: 0, large: 0, entries: 0 };
  let isWhole = true;
  const told: Visitor = {
    entry: visitor.entry,
    problem(from, to, why) {
      isWhole = false;
      visitor.problem(from, to, why);
    },
  };
  const walk: Walk = { file, meta, visitor: told, seen, found, isOrdered: name === "main", last: undefined };
  if (tree.root !== undefined) visit(walk, tree.root, undefined, undefined, 1);
  // What is known to be lost is missed here too.
  const wrong = isWhole ? counts.find((count) => found[count] !== tree[count]) : undefined;
  if (!wrong) return;
  visitor.problem(undefined, undefined, `${wrong} of its tree: ${found[wrong]} can be found of ${tree[wrong]}`);
}

const counts = ["depth", "branches", "leaves", "large", "entries"] as const;

function visit(walk: Walk, number: number, low: Buffer | undefined, high: Buffer | undefined, depth: number): void {
  const { visitor, found } = walk;
  const lost = (why: string) => visitor.problem(low, high, `page ${number}: ${why}`);
  const page = depth > deepest ? "its tree does not end" : readPage(walk, number);
  if (typeof page === "string") {
    lost(page);
    return;
  }
  found.depth = Math.max(found.depth, depth);
  if (page.isBranch) {
    found.branches++;
    visitBranch(walk, page.nodes, low, high, depth, lost);
  } else {
    found.leaves++;
    visitLeaf(walk, page.nodes, low, high, lost);
  }
}

/** A page of the tree, or why it is none. */
function readPage({ file, meta, seen }: Walk, number: number): Page | string {
  if (number < 2 || number > meta.lastPage) return "there is no such page";
  if (seen.has(number)) return "it is in the tree twice";
  seen.add(number);
  const page = file.page(number, meta.pageSize);
  if (!page) return "the file ends before it";
  if (numberAt(page, 0) !== number) return "it is damaged: its number is another one";
  if (numberAt(page, 8) > meta.transaction) return "it is of a later time";
  const flags = page.readUInt16LE(18);
  const isBranch = flags === branchFlag;
  const nodes = isBranch || flags === leafFlag ? nodesOf(page, isBranch) : undefined;
  return nodes ? { isBranch, nodes } : "it is damaged";
}

function visitBranch(
  walk: Walk,
  nodes: (Node | undefined)[],
  low: Buffer | undefined,
  high: Buffer | undefined,
  depth: number,
  lost: (why: string) => void,
): void {
  let from = low;
  for (const [i, node] of nodes.entries()) {
    if (!node) {
      lost("its nodes are damaged");
      return;
    }
    // The first node's key is not looked at by LMDB.
    const next = nodes[i + 1];
    const to = next ? next.key : high;
    if (walk.isOrdered && (isAfter(from, to, true) || isAfter(to, high, next !== undefined))) {
      lost("its keys are not in order");
    }
    visit(walk, node.child, from, to, depth + 1);
    from = to;
  }
}

function visitLeaf(
  walk: Walk,
  nodes: (Node | undefined)[],
  low: Buffer | undefined,
  high: Buffer | undefined,
  lost: (why: string) => void,
): void {
  for (const node of nodes) {
    if (!node) {
      lost("its nodes are damaged");
      continue;
    }
    const { key } = node;
    const isBefore = isAfter(walk.last, key, true) || isAfter(low, key, false);
    if (walk.isOrdered && (isBefore || isAfter(key, high, true))) lost("its keys are not in order");
    else walk.last = key;
    walk.found.entries++;
    walk.visitor.entry(key, readerOf(walk, node));
  }
}

/** @param orSame whether being the same counts too */
function isAfter(key: Buffer | undefined, other: Buffer | undefined, orSame: boolean): boolean {
  if (!key || !other) return false;
  const order = Buffer.compare(key, other);
  return order > 0 || (orSame && order === 0);
}

function readerOf({ file, meta, seen, found }: Walk, { value, size }: Node): () => Buffer | undefined {
  if (Buffer.isBuffer(value)) return () => value;
  const { start, pages } = value;
  const fits = pages === Math.ceil((headerSize + size) / meta.pageSize) && start >= 2;
  if (!fits || start + pages - 1 > meta.lastPage || seen.has(start)) return () => undefined;
  for (let i = 0; i < pages; i++) seen.add(start + i);
  found.large += pages;
  const head = file.page(start, meta.pageSize);
  if (!head || numberAt(head, 0) !== start || head.readUInt16LE(18) !== largeFlag) return () => undefined;
  if (head.readUInt32LE(20) !== pages) return () => undefined;
  return () => file.page(start, meta.pageSize, pages)?.subarray(headerSize, headerSize + size);
}

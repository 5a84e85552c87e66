// One nftables table that follows a wanted state: each change is one transaction of nft.
import { RuntimeError } from "../cri.ts";
import { findTool, run } from "../oci/command.ts";

/** What may change in a table. Names are nftables identifiers; texts are nft's own language. */
export interface TableState {
  /** Sets and maps: `head` is their definition, such as `type ipv4_addr : verdict;`, elements are `key` or `key : data`. */
  sets: Map<string, { head: string; elements: Set<string> }>;
  /** Chains without a hook: their rules. */
  chains: Map<string, string[]>;
}

export interface NftTable {
  /**
   * Replaces the table, whatever an earlier process left in it, in one transaction.
   * @param fixed chains with hooks, and the sets that they need: nft's language.
   */
  open(fixed: string, wanted?: TableState): Promise<void>;
  /**
   * Brings the kernel to the wanted state in one transaction, or leaves it as it was and rejects. One call at a time.
   * Returns how many commands that took.
   */
  apply(wanted: TableState): Promise<number>;
  /** Whether the kernel has it. */
  exists(): Promise<boolean>;
  remove(): Promise<void>;
}

export const emptyState = (): TableState => ({ sets: new Map(), chains: new Map() });

/** Undefined where nft is not installed or this process may not use it: see `nftMissing`. */
export function createNftTable(name: string): NftTable | undefined {
  const nft = findTool("nft");
  if (!nft || process.getuid?.() !== 0) return undefined;
  if (!/^[a-zA-Z][a-zA-Z0-9_]*$/.test(name)) throw new TypeError(`${name} is no name of a table`);
  let present = emptyState();
  const send = async (script: string) => {
    const { code, stderr } = await run(nft, ["-f", "-"], script);
    if (code !== 0) throw new RuntimeError("Failed", `nft, table ${name}: ${stderr.trim().slice(0, 500)}`);
  };
  const clear = `add table ip ${name}\ndelete table ip ${name}\n`;
  return {
    async open(fixed, wanted = emptyState()) {
      const commands = changes(name, emptyState(), wanted).join("\n");
      await send(`${clear}table ip ${name} {\n${fixed}\n}\n${commands}\n`);
      present = wanted;
    },
    async apply(wanted) {
      const commands = changes(name, present, wanted);
      if (commands.length > 0) await send(`${commands.join("\n")}\n`);
      present = wanted;
      return commands.length;
    },
    async exists() {
      const { stdout } = await run(nft, ["list", "tables", "ip"]);
      return stdout.split("\n").includes(`table ip ${name}`);
    },
    remove: () => send(clear),
  };
}

/** What would make tables possible here; undefined when nothing lacks. */
export function nftMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "that needs root";
  return findTool("nft") ? undefined : "install nftables for that";
}

/** Commands that lead from one state to another: what is referred to comes before, and goes after, what refers to it. */
export function changes(table: string, from: TableState, to: TableState): string[] {
  const at = (what: string, name: string) => `${what} ip ${table} ${name}`;
  const first: string[] = [];
  const last: string[] = [];
  const gone: string[] = [];
  for (const [name, { head, elements }] of to.sets) {
    const old = from.sets.get(name);
    if (old && old.head !== head) throw new TypeError(`${name}: the definition of a set does not change`);
    if (!old) first.push(`${at("add set", name).replace("set", kindOf(head))} { ${head} }`);
    const added = [...elements].filter((one) => !old?.elements.has(one));
    const dropped = [...(old?.elements ?? [])].filter((one) => !elements.has(one));
    // The data of a key changes by taking its element away first.
    if (dropped.length > 0) last.push(`${at("delete element", name)} { ${dropped.map(keyOf).join(", ")} }`);
    if (added.length > 0) last.push(`${at("add element", name)} { ${added.join(", ")} }`);
  }
  const rules: string[] = [];
  for (const [name, wanted] of to.chains) {
    const old = from.chains.get(name);
    if (!old) first.push(at("add chain", name));
    else if (old.join("\n") === wanted.join("\n")) continue;
    else rules.push(at("flush chain", name));
    for (const rule of wanted) rules.push(at("add rule", `${name} ${rule}`));
  }
  for (const [name] of from.chains) if (!to.chains.has(name)) rules.push(at("flush chain", name));
  for (const [name] of from.chains) if (!to.chains.has(name)) gone.push(at("delete chain", name));
  for (const [name, { head }] of from.sets) {
    if (!to.sets.has(name)) gone.push(at("delete set", name).replace("set", kindOf(head)));
  }
  return [...first, ...rules, ...last, ...gone];
}

const kindOf = (head: string) => (/^type[^;]*:/.test(head) ? "map" : "set");
const keyOf = (element: string) => element.split(" : ")[0] ?? element;

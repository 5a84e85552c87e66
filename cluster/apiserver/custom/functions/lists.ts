// Lists and sets. Source: apiserver's library.Lists and cel-go's ext.Sets.
import { equal } from "@capstan/api/meta";
import { compare, type Library } from "./define.ts";

const same = (a: unknown, b: unknown): boolean => a === b || equal(a, b);
const has = (list: unknown[], item: unknown): boolean => list.some((one) => same(one, item));

function extreme(list: unknown[], sign: number, name: string): unknown {
  if (list.length === 0) throw new Error(`${name} called on empty list`);
  return list.reduce((best, item) => (compare(item, best) * sign < 0 ? item : best));
}

class Sets {}

export function addLists({ define, type }: Library): void {
  define("list.isSorted(): bool", (list: unknown[]) =>
    list.every((item, i) => i === 0 || compare(list[i - 1], item) <= 0),
  );
  define("list.min(): dyn", (list: unknown[]) => extreme(list, 1, "min"));
  define("list.max(): dyn", (list: unknown[]) => extreme(list, -1, "max"));
  define("list.sum(): dyn", (list: (bigint | number)[]) =>
    list.length === 0 ? 0n : list.reduce((sum, item) => (sum as number) + (item as number)),
  );
  define("list.indexOf(dyn): int", (list: unknown[], item: unknown) =>
    BigInt(list.findIndex((one) => same(one, item))),
  );
  define("list.lastIndexOf(dyn): int", (list: unknown[], item: unknown) =>
    BigInt(list.findLastIndex((one) => same(one, item))),
  );
  type("Sets", Sets, "sets");
  define("Sets.contains(list, list): bool", (_: Sets, a: unknown[], b: unknown[]) => b.every((item) => has(a, item)));
  define("Sets.intersects(list, list): bool", (_: Sets, a: unknown[], b: unknown[]) => b.some((item) => has(a, item)));
  define(
    "Sets.equivalent(list, list): bool",
    (_: Sets, a: unknown[], b: unknown[]) => a.every((item) => has(b, item)) && b.every((item) => has(a, item)),
  );
}

// Random expressions, the same for the same seed.
import { environment, type Question } from "./hand-made.ts";
import { createRandom, type Random } from "./random.ts";

/** The same for the same seed. */
export function randomQuestions(seed: number, count: number): Question[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    if (i % 4 === 3) return { language: "when", source: when(random, 3) };
    return { language: "expr", source: expression(random, 3), data: environment };
  });
}

const literals = [
  "0",
  "1",
  "2",
  "-3",
  "7",
  "1.5",
  "0.1",
  "2.0",
  "1e3",
  "0x1f",
  "1_000",
  "''",
  "'a'",
  '"b c"',
  "'x,y,z'",
  "'3'",
  "'2.5'",
  "`raw`",
  "true",
  "false",
  "nil",
  "[]",
  "[1, 2, 3]",
  "['b', 'a']",
  "[1, 'a', nil]",
  "[1.5, 2]",
  "{}",
  "{a: 1, 'b c': 'x'}",
  "1..4",
  "[[1], [2, [3]]]",
];
const names = [
  "workflow.name",
  "workflow.parameters.n",
  "steps['flip-coin'].outputs.result",
  "tasks.A.outputs.parameters.msg",
  "inputs.parameters.empty",
  "item",
  "fromJSON(workflow.parameters.json)",
  "fromJSON(workflow.parameters.json).list",
  "tasks.B",
  "tasks?.B?.x",
];
const binary = [
  "+",
  "-",
  "*",
  "/",
  "%",
  "**",
  "==",
  "!=",
  "<",
  ">",
  "<=",
  ">=",
  "&&",
  "||",
  "and",
  "or",
  "in",
  "not in",
  "contains",
  "startsWith",
  "endsWith",
  "matches",
  "??",
  "..",
];
const functions = [
  "len",
  "type",
  "abs",
  "ceil",
  "floor",
  "round",
  "int",
  "float",
  "string",
  "trim",
  "upper",
  "lower",
  "toJSON",
  "fromJSON",
  "toBase64",
  "fromBase64",
  "first",
  "last",
  "reverse",
  "uniq",
  "flatten",
  "sort",
  "max",
  "min",
  "mean",
  "median",
  "sum",
  "count",
  "bitnot",
  "duration",
  "date",
  "concat",
  "asInt",
  "asFloat",
  "toJson",
  "sprig.toString",
  "sprig.int64",
  "sprig.float64",
  "sprig.empty",
  "sprig.kindOf",
  "sprig.quote",
  "sprig.toJson",
  "sprig.title",
  "sprig.add1",
  "sprig.list",
  "sprig.compact",
];
const functions2 = [
  "split",
  "join",
  "indexOf",
  "lastIndexOf",
  "hasPrefix",
  "hasSuffix",
  "trimPrefix",
  "trim",
  "max",
  "min",
  "concat",
  "take",
  "get",
  "bitand",
  "bitor",
  "bitxor",
  "bitshl",
  "bitshr",
  "repeat",
  "sort",
  "splitAfter",
  "sprig.add",
  "sprig.sub",
  "sprig.mul",
  "sprig.div",
  "sprig.mod",
  "sprig.max",
  "sprig.default",
  "sprig.trunc",
  "sprig.contains",
  "sprig.splitList",
  "sprig.join",
  "sprig.cat",
  "sprig.has",
  "sprig.addf",
];
const predicates = [
  "all",
  "any",
  "one",
  "none",
  "filter",
  "map",
  "find",
  "findIndex",
  "findLast",
  "findLastIndex",
  "count",
  "sum",
  "sortBy",
];

function expression(random: Random, depth: number, inside = false): string {
  const pick = (list: string[]) => random.pick(list);
  const inner = () => expression(random, depth - 1, inside);
  if (depth <= 0 || random.below(6) === 0) {
    if (inside && random.below(2) === 0) return pick(["#", "#.age", ".name", "#"]);
    return pick(random.below(4) === 0 ? names : literals);
  }
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return `${inner()} ${pick(binary)} ${inner()}`;
    case 3:
      return `(${inner()})`;
    case 4:
      return `${pick(["-", "!", "not ", "+"])}${inner()}`;
    case 5:
      return `${inner()} ? ${inner()} : ${inner()}`;
    case 6:
      return `${pick(functions)}(${inner()})`;
    case 7:
      return `${pick(functions2)}(${inner()}, ${inner()})`;
    case 8:
      return `${pick(predicates)}(${inner()}, ${expression(random, depth - 1, true)})`;
    case 9:
      return `${inner()} | ${pick(functions)}()`;
    case 10:
      return `(${inner()})${pick(["[0]", "[-1]", "[1:]", "[:2]", ".a", "?.a", "['a']", "[5]"])}`;
    default:
      return `[${inner()}, ${inner()}]`;
  }
}

const words = [
  "a",
  "b",
  "heads",
  "1",
  "2",
  "10",
  "1.5",
  "'a'",
  '"b c"',
  "true",
  "false",
  "''",
  "[a-b]",
  "0x1F",
  "'2020-01-01'",
  "a.b",
  "_x",
  "a-b",
  "(a, b)",
  "()",
  "'1'",
];
const signs = [
  "==",
  "!=",
  "<",
  ">",
  "<=",
  ">=",
  "=~",
  "!~",
  "in",
  "&&",
  "||",
  "+",
  "-",
  "*",
  "/",
  "%",
  "**",
  "&",
  "|",
  "^",
  "<<",
  ">>",
  "??",
  "?",
  ":",
  ",",
];

function when(random: Random, depth: number): string {
  if (depth <= 0 || random.below(5) === 0) return random.pick(words);
  const inner = () => when(random, depth - 1);
  switch (random.below(8)) {
    case 0:
      return `(${inner()})`;
    case 1:
      return `${random.pick(["!", "-", "~"])}${inner()}`;
    case 2:
      return `${inner()} ? ${inner()} : ${inner()}`;
    default:
      return `${inner()} ${random.pick(signs)} ${inner()}`;
  }
}

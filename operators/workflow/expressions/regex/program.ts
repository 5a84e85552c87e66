// Runs regular expressions as Go does: all alternatives at once, so that time grows with the text and never explodes.
import { ExpressionError } from "../error.ts";
import { type CharacterSet, hasCharacter } from "./sets.ts";
import type { Assertion, Syntax } from "./syntax.ts";

type Instruction =
  | { do: "match" }
  | { do: "set"; set: CharacterSet; code: number | undefined }
  | { do: "assert"; assertion: Assertion }
  | { do: "save"; slot: number }
  | { do: "jump"; to: number }
  /** The first way is preferred. */
  | { do: "split"; first: number; second: number };

export interface Program {
  instructions: Instruction[];
  slots: number;
  /** Can match at the beginning of the text only. */
  anchored: boolean;
}

const instructionLimit = 50_000;
/** Instructions that one search may run. */
const stepLimit = 8_000_000;

export function compileProgram(syntax: Syntax, captures: number): Program {
  const instructions: Instruction[] = [];
  const add = <T extends Instruction>(instruction: T): T => {
    if (instructions.length >= instructionLimit) {
      throw new ExpressionError(`regular expression has more than ${instructionLimit} instructions`);
    }
    instructions.push(instruction);
    return instruction;
  };
  const split = (greedy: boolean) => {
    const instruction = add({ do: "split", first: 0, second: 0 });
    return {
      body: () => {
        instruction[greedy ? "first" : "second"] = instructions.length;
      },
      after: () => {
        instruction[greedy ? "second" : "first"] = instructions.length;
      },
    };
  };
  const emit = (node: Syntax): void => {
    switch (node.is) {
      case "empty":
        return;
      case "set":
        add({ do: "set", set: node.set, code: singleOf(node.set) });
        return;
      case "assert":
        add({ do: "assert", assertion: node.assertion });
        return;
      case "sequence":
        for (const item of node.items) emit(item);
        return;
      case "capture":
        add({ do: "save", slot: node.index * 2 });
        emit(node.item);
        add({ do: "save", slot: node.index * 2 + 1 });
        return;
      case "choice": {
        const ends: { to: number }[] = [];
        for (const [i, item] of node.items.entries()) {
          const ways = i < node.items.length - 1 ? split(true) : undefined;
          ways?.body();
          emit(item);
          if (ways) ends.push(add({ do: "jump", to: 0 }));
          ways?.after();
        }
        for (const end of ends) end.to = instructions.length;
        return;
      }
      case "repeat":
        emitRepeat(node);
    }
  };
  const emitRepeat = ({ item, least, most, greedy }: Extract<Syntax, { is: "repeat" }>) => {
    for (let i = 0; i < least; i++) emit(item);
    if (most === undefined) {
      const start = instructions.length;
      const ways = split(greedy);
      ways.body();
      emit(item);
      add({ do: "jump", to: start });
      ways.after();
      return;
    }
    const skips = [];
    for (let i = least; i < most; i++) {
      const ways = split(greedy);
      ways.body();
      emit(item);
      skips.push(ways);
    }
    for (const ways of skips) ways.after();
  };
  emit(syntax);
  add({ do: "match" });
  const [first] = instructions;
  const anchored = first?.do === "assert" && first.assertion === "textStart";
  return { instructions, slots: captures * 2, anchored };
}

function singleOf({ ranges, within, without, negated }: CharacterSet): number | undefined {
  const [only] = ranges;
  if (!only || ranges.length > 1 || within || without || negated) return undefined;
  return only[0] === only[1] ? only[0] : undefined;
}

const isWord = (code: number | undefined) =>
  code !== undefined &&
  ((code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122));

function holds(assertion: Assertion, text: Uint32Array, at: number): boolean {
  switch (assertion) {
    case "textStart":
      return at === 0;
    case "textEnd":
      return at === text.length;
    case "lineStart":
      return at === 0 || text[at - 1] === 10;
    case "lineEnd":
      return at === text.length || text[at] === 10;
    default:
      return (isWord(text[at - 1]) !== isWord(text[at])) === (assertion === "word");
  }
}

interface Thread {
  at: number;
  /** Where captures begin and end; undefined while nobody asks for them. */
  slots: number[];
}

/** The leftmost match from `start`, as positions of captures (-1 where there is none). */
export function search(program: Program, text: Uint32Array, start: number, captures: boolean): number[] | undefined {
  const { instructions } = program;
  const seen = new Uint32Array(instructions.length);
  let generation = 0;
  let steps = 0;
  let threads: Thread[] = [];
  let found: number[] | undefined;
  const add = (list: Thread[], from: number, slots: number[], position: number) => {
    const open: [number, number[]][] = [[from, slots]];
    while (open.length > 0) {
      const [at, held] = open.pop() as [number, number[]];
      if (seen[at] === generation) continue;
      seen[at] = generation;
      if (++steps > stepLimit) throw new ExpressionError(`regular expression takes more than ${stepLimit} steps`);
      const instruction = instructions[at] as Instruction;
      if (instruction.do === "jump") open.push([instruction.to, held]);
      else if (instruction.do === "split") open.push([instruction.second, held], [instruction.first, held]);
      else if (instruction.do === "assert") {
        if (holds(instruction.assertion, text, position)) open.push([at + 1, held]);
      } else if (instruction.do === "save") {
        open.push([at + 1, captures ? held.with(instruction.slot, position) : held]);
      } else list.push({ at, slots: held });
    }
  };
  const none = new Array<number>(program.slots).fill(-1);
  for (let position = start; ; position++) {
    if (threads.length === 0) {
      if (found || (program.anchored && position > 0)) return found;
      generation++;
    }
    if (!found) add(threads, 0, none.with(0, position), position);
    const next: Thread[] = [];
    generation++;
    const code = text[position];
    for (const thread of threads) {
      const instruction = instructions[thread.at] as Instruction;
      if (instruction.do === "match") {
        found = thread.slots.with(1, position);
        // What comes after is less preferred.
        break;
      }
      if (instruction.do !== "set" || code === undefined) continue;
      const fits = instruction.code === undefined ? hasCharacter(instruction.set, code) : instruction.code === code;
      if (fits) add(next, thread.at + 1, thread.slots, position + 1);
    }
    if (found && !captures) return found;
    threads = next;
    if (position >= text.length) return found;
  }
}

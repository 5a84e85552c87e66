// Sets of characters, as regular expressions name them.

export interface CharacterSet {
  ranges: [low: number, high: number][];
  /** Characters of these count as well. */
  within?: RegExp[];
  /** Characters outside of one of these count as well. */
  without?: CharacterSet[];
  negated?: boolean;
}

export function hasCharacter(set: CharacterSet, code: number): boolean {
  let found = false;
  for (const [low, high] of set.ranges) {
    if (code >= low && code <= high) {
      found = true;
      break;
    }
  }
  if (!found && set.within) found = set.within.some((pattern) => pattern.test(String.fromCodePoint(code)));
  if (!found && set.without) found = set.without.some((other) => !hasCharacter(other, code));
  return found !== (set.negated === true);
}

export function unionOf(sets: CharacterSet[]): CharacterSet {
  const [only] = sets;
  if (only && sets.length === 1) return only;
  const union: CharacterSet = { ranges: [] };
  for (const set of sets) {
    if (set.negated) {
      const { negated: _, ...plain } = set;
      union.without = [...(union.without ?? []), plain];
      continue;
    }
    union.ranges.push(...set.ranges);
    if (set.within) union.within = [...(union.within ?? []), ...set.within];
    if (set.without) union.without = [...(union.without ?? []), ...set.without];
  }
  return union;
}

/** Ranges longer than this have both cases in them already. */
const foldedRange = 2000;

/** The same letters in the other case as well. */
export function foldCase(set: CharacterSet): CharacterSet {
  const ranges = [...set.ranges];
  for (const [low, high] of set.ranges) {
    if (high - low > foldedRange) continue;
    for (let code = low; code <= high; code++) {
      const char = String.fromCodePoint(code);
      for (const other of [char.toLowerCase(), char.toUpperCase()]) {
        const folded = other.codePointAt(0) as number;
        if (folded !== code && String.fromCodePoint(folded) === other) ranges.push([folded, folded]);
      }
    }
  }
  // The long s and the Kelvin sign fold to letters of ASCII.
  const has = (code: number) => ranges.some(([low, high]) => code >= low && code <= high);
  if (has(0x73)) ranges.push([0x17f, 0x17f]);
  if (has(0x6b)) ranges.push([0x212a, 0x212a]);
  return { ...set, ranges };
}

const digits: [number, number][] = [[48, 57]];
const words: [number, number][] = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const spaces: [number, number][] = [
  [9, 10],
  [12, 13],
  [32, 32],
];

/** `\d`, `\S` and so on, by letter. */
export function perlSet(letter: string): CharacterSet {
  const ranges = /d/i.test(letter) ? digits : /w/i.test(letter) ? words : spaces;
  return letter === letter.toUpperCase() ? { ranges: [], without: [{ ranges }] } : { ranges };
}

const posix: Record<string, [number, number][]> = {
  alnum: [
    [48, 57],
    [65, 90],
    [97, 122],
  ],
  alpha: [
    [65, 90],
    [97, 122],
  ],
  ascii: [[0, 127]],
  blank: [
    [9, 9],
    [32, 32],
  ],
  cntrl: [
    [0, 31],
    [127, 127],
  ],
  digit: digits,
  graph: [[33, 126]],
  lower: [[97, 122]],
  print: [[32, 126]],
  punct: [
    [33, 47],
    [58, 64],
    [91, 96],
    [123, 126],
  ],
  space: [
    [9, 13],
    [32, 32],
  ],
  upper: [[65, 90]],
  word: words,
  xdigit: [
    [48, 57],
    [65, 70],
    [97, 102],
  ],
};

export function posixSet(name: string, negated: boolean): CharacterSet | undefined {
  const ranges = Object.hasOwn(posix, name) ? posix[name] : undefined;
  if (!ranges) return undefined;
  return negated ? { ranges: [], without: [{ ranges }] } : { ranges };
}

/** Unicode's categories (`L`, `Lu`) and scripts (`Greek`). */
export function namedSet(name: string): CharacterSet | undefined {
  if (name === "Any") return { ranges: [[0, 0x10ffff]] };
  const kind = name.length <= 2 ? "General_Category" : "Script";
  try {
    return { ranges: [], within: [new RegExp(`^\\p{${kind}=${name}}$`, "u")] };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

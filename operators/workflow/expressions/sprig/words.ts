// Words of a text in any case: HTTPStatus → http_status, some_words → SomeWords.

type Kind = "connector" | "sign" | "upper" | "lower" | "number" | "other";
interface Word {
  kind: Kind;
  text: string;
}

const patterns: [Kind, RegExp][] = [
  ["connector", /[-_\s]+/uy],
  ["sign", /\p{P}+/uy],
  // Of several capitals the last one begins the next word.
  ["upper", /\p{Lu}+(?=\p{Lu}[\p{Ll}\p{Lt}])|\p{Lu}{2,}|\p{Lu}[\p{Ll}\p{Lt}]*/uy],
  ["lower", /[\p{Ll}\p{Lt}]+/uy],
  ["number", /\p{N}+/uy],
  ["other", /[^-_\s\p{P}\p{Lu}\p{Ll}\p{Lt}\p{N}]+/uy],
];

function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (let at = 0; at < text.length; ) {
    for (const [kind, pattern] of patterns) {
      pattern.lastIndex = at;
      const match = pattern.exec(text)?.[0];
      if (match === undefined) continue;
      words.push({ kind, text: match });
      at += match.length;
      break;
    }
  }
  return words;
}

/** Words in lower case with a connector between them; a number belongs to the word before it where none follows. */
export function toLowerWords(text: string, connector: string): string {
  const words = wordsOf(text);
  let result = "";
  let at = 0;
  const next = () => words[at];
  const write = ({ kind, text: word }: Word) => {
    if (kind === "connector") result += connector.repeat([...word].length);
    else result += kind === "upper" ? word.toLowerCase() : word;
  };
  const separates = (word: Word | undefined) => word !== undefined && word.kind !== "connector" && word.kind !== "sign";
  const writeTail = () => {
    for (let word = next(); word && (word.kind === "lower" || word.kind === "number"); word = next()) {
      write(word);
      at++;
    }
    if (separates(next())) result += connector;
  };
  for (let word = next(); word; word = next()) {
    at++;
    write(word);
    if (word.kind === "number" && next()) writeTail();
    else if (word.kind === "upper" || word.kind === "lower" || word.kind === "other") {
      const number = next();
      if (number?.kind !== "number") {
        if (separates(number)) result += connector;
        continue;
      }
      const after = words[at + 1];
      if (!after) continue;
      at++;
      if (after.kind !== "lower") {
        write(number);
        if (separates(after)) result += connector;
        continue;
      }
      result += connector;
      write(number);
      writeTail();
    }
  }
  return result;
}

const isConnector = (char: string) => /[-_\s]/.test(char);
const isUpper = (char: string) => /\p{Lu}/u.test(char);

/** Words joined, each with a capital; connectors at the ends stay. */
export function toPascalCase(text: string): string {
  const chars = [...text];
  const start = chars.findIndex((char) => !isConnector(char));
  if (start < 0) return text;
  let result = chars.slice(0, start).join("");
  let held = chars[start] as string;
  let afterUpper = isUpper(held);
  held = held.toUpperCase();
  for (const char of chars.slice(start + 1)) {
    let current = char;
    if (isConnector(current) && isConnector(held)) {
      result += held;
      continue;
    }
    if (isConnector(held)) {
      afterUpper = isUpper(current);
      current = current.toUpperCase();
    } else {
      if (afterUpper && isUpper(current)) current = current.toLowerCase();
      else afterUpper = false;
      result += held;
    }
    held = current;
  }
  return result + held;
}

const reserved = new Set([
  "true",
  "false",
  "null",
  "in",
  "as",
  "break",
  "const",
  "continue",
  "else",
  "for",
  "function",
  "if",
  "import",
  "let",
  "loop",
  "package",
  "namespace",
  "return",
  "var",
  "void",
  "while",
]);

/** The identifier that stands for a field in expressions; undefined when none can. Source: apiserver's pkg/cel/escaping.go. */
export function escapeName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  if (!/^(?!\d)[\w./-]+$/.test(name)) return undefined;
  return name.replace(/__|[./-]/g, (found) => escapes[found] as string);
}

const escapes: Record<string, string> = {
  __: "__underscores__",
  ".": "__dot__",
  "-": "__dash__",
  "/": "__slash__",
};

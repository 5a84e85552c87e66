/** What a server asks for in WWW-Authenticate. */
export interface Challenge {
  /** Lower case, such as `bearer`. */
  scheme: string;
  parameters: Record<string, string>;
}

/** Source: RFC 9110, section 11.6.1. What is not well formed is left out. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
  const pattern = new RegExp(`\\s*,?\\s*(${token})(?:\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token})))?`, "y");
  for (let match = pattern.exec(header); match; match = pattern.exec(header)) {
    const [, name = "", quoted, plain] = match;
    const value = quoted?.replace(/\\(.)/g, "$1") ?? plain;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: {} });
    else if (challenges.length > 0) (challenges.at(-1) as Challenge).parameters[name.toLowerCase()] = value;
  }
  return challenges;
}

/** Longest key, bytes, as in S3. */
const keyLimit = 1024;

/** The parts of a key. @throws Error for one that is empty, too long or would leave its store. */
export function keyParts(key: string): string[] {
  const parts = key.replace(/^\/+|\/+$/g, "").split("/");
  if (new TextEncoder().encode(key).length > keyLimit)
    throw new Error(`an artifact's key is at most ${keyLimit} bytes long`);
  for (const part of parts) {
    if (part === "" || part === "." || part === ".." || part.includes("\0") || part.length > 255) {
      throw new Error(`${JSON.stringify(key)} is no key of an artifact`);
    }
  }
  return parts;
}

/** Letters that spell no words. Source: apimachinery's rand.SafeEncodeString. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** A short name for a value: equal values (whatever the order of their fields) have equal names. 32-bit FNV-1a. */
export function hashOf(value: unknown, collisions = 0): string {
  const text = canonical(value) + (collisions > 0 ? `#${collisions}` : "");
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return [...String(hash)].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join("");
}

/** JSON with sorted fields, without what is absent or empty: two spellings of the same state have the same text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value)
    .filter(([, field]) => !isEmpty(field))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
}

/** Source: equality.Semantic treats absent and empty lists and maps alike; `{}` of a struct pointer stays a difference. */
function isEmpty(field: unknown): boolean {
  return field === undefined || field === null || (Array.isArray(field) && field.length === 0);
}

// No vowels and no look-alikes. Source: apimachinery's util/rand.
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

const random = new Uint8Array(1024);
let next = random.length;

/** Five random characters, as generated names end. */
export function randomSuffix(): string {
  let suffix = "";
  while (suffix.length < 5) {
    // Asked for many at a time: the question costs more than the bytes.
    if (next === random.length) {
      crypto.getRandomValues(random);
      next = 0;
    }
    suffix += alphabet[(random[next++] ?? 0) % alphabet.length];
  }
  return suffix;
}

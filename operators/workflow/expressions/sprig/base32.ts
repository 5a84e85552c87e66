// Base 32 of RFC 4648, with padding.
import { Buffer } from "node:buffer";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function encodeBase32(text: string): string {
  let [bits, held, result] = [0, 0, ""];
  for (const byte of Buffer.from(text)) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      result += alphabet[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  if (bits > 0) result += alphabet[(held << (5 - bits)) & 31];
  return result + "=".repeat((8 - (result.length % 8)) % 8);
}

/** What is wrong is answered in place of the text, as sprig does. */
export function decodeBase32(text: string): string {
  const plain = text.replace(/[\r\n]/g, "");
  const digits = plain.replace(/=+$/, "");
  const bad = [...digits].findIndex((char) => !alphabet.includes(char));
  if (bad >= 0 || plain.length % 8 !== 0) return `illegal base32 data at input byte ${bad >= 0 ? bad : plain.length}`;
  const bytes: number[] = [];
  let [bits, held] = [0, 0];
  for (const char of digits) {
    held = (held << 5) | alphabet.indexOf(char);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 255);
      held &= (1 << bits) - 1;
    }
  }
  return Buffer.from(bytes).toString();
}

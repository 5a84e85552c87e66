import assert from "node:assert/strict";
import { test } from "node:test";
import { encryptKey, formatKey, generateKey, isEncrypted, PassphraseError, readKey } from "./keys.ts";

for (const [algo, size] of [
  ["rsa", 2048],
  ["ecdsa", 521],
  ["ed25519", 256],
] as const) {
  test(`a key of ${algo} is read as it was written, and encrypted with its passphrase alone`, async () => {
    const key = await generateKey({ algo, size });
    assert.ok(readKey(formatKey(key)).equals(key));
    const locked = encryptKey(key, "open sesame");
    assert.ok(isEncrypted(locked));
    assert.ok(readKey(locked, "open sesame").equals(key));
    assert.throws(() => readKey(locked, "open barley"), PassphraseError);
    assert.throws(() => readKey(locked), PassphraseError);
  });
}

test("cfssl's own name for Ed25519 keys is understood", async () => {
  const key = await generateKey({ algo: "ed25519", size: 256 });
  const named = formatKey(key).replaceAll("PRIVATE KEY", "Ed25519 PRIVATE KEY");
  assert.match(named, /BEGIN Ed25519 PRIVATE KEY/);
  assert.ok(readKey(named).equals(key));
});

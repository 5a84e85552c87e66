import { nearest } from "@capstan/base/errors";

/** Key usages by their names in cfssl and in Kubernetes, as bits of X.509's KeyUsage. Source: RFC 5280, 4.2.1.3. */
const keyUsages: Record<string, number> = {
  signing: 1,
  "digital signature": 1,
  "content commitment": 2,
  "key encipherment": 4,
  "data encipherment": 8,
  "key agreement": 16,
  "cert sign": 32,
  "crl sign": 64,
  "encipher only": 128,
  "decipher only": 256,
};

const extendedUsages: Record<string, string> = {
  any: "2.5.29.37.0",
  "server auth": "1.3.6.1.5.5.7.3.1",
  "client auth": "1.3.6.1.5.5.7.3.2",
  "code signing": "1.3.6.1.5.5.7.3.3",
  "email protection": "1.3.6.1.5.5.7.3.4",
  "s/mime": "1.3.6.1.5.5.7.3.4",
  "ipsec end system": "1.3.6.1.5.5.7.3.5",
  "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
  "ipsec user": "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  "ocsp signing": "1.3.6.1.5.5.7.3.9",
  "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
  "netscape sgc": "2.16.840.1.113730.4.1",
};

export interface Usages {
  /** Bits of KeyUsage. */
  key: number;
  /** Object identifiers of ExtendedKeyUsage. */
  extended: string[];
}

/** @param field names where the words stand. @throws with the nearest word that there is */
export function readUsages(words: readonly string[], field: string): Usages {
  const usages: Usages = { key: 0, extended: [] };
  for (const word of words) {
    const bit = keyUsages[word];
    const identifier = extendedUsages[word];
    if (bit !== undefined) usages.key |= bit;
    else if (identifier === undefined) {
      const meant = nearest(word, [...Object.keys(keyUsages), ...Object.keys(extendedUsages)]);
      throw new Error(`${field}: "${word}" is no usage${meant ? `; do you mean "${meant}"?` : ""}`);
    } else if (!usages.extended.includes(identifier)) usages.extended.push(identifier);
  }
  return usages;
}

// Extensions of certificates and requests in DER. Source: RFC 5280, section 4.2.
import { createHash } from "node:crypto";
import { isIPv4 } from "node:net";
import * as der from "./der.ts";
import type { AlternativeName } from "./subject.ts";
import type { Usages } from "./usages.ts";

export const extensionNames = {
  subjectKey: "2.5.29.14",
  keyUsage: "2.5.29.15",
  alternativeNames: "2.5.29.17",
  constraints: "2.5.29.19",
  lists: "2.5.29.31",
  issuerKey: "2.5.29.35",
  extendedUsage: "2.5.29.37",
  access: "1.3.6.1.5.5.7.1.1",
} as const;

const responder = "1.3.6.1.5.5.7.48.1";
const issuers = "1.3.6.1.5.5.7.48.2";
/** Of GeneralName: 4.2.1.6. */
const nameTags = { email: 1, dns: 2, url: 6, ip: 7 } as const;

function extension(name: string, critical: boolean, value: der.Der): der.Der {
  return der.sequence(der.identifier(name), ...(critical ? [der.truth()] : []), der.octets(value));
}

/** None, one or both. */
export function usageExtensions({ key, extended }: Usages): der.Der[] {
  return [
    ...(key ? [extension(extensionNames.keyUsage, true, namedBits(key))] : []),
    ...(extended.length > 0
      ? [extension(extensionNames.extendedUsage, false, der.sequence(...extended.map(der.identifier)))]
      : []),
  ];
}

/** The lowest bit of a number is the first of the list, and the list ends with its last bit that is set. */
function namedBits(flags: number): der.Der {
  const last = 31 - Math.clz32(flags);
  const bytes = new Uint8Array(Math.floor(last / 8) + 1);
  for (let bit = 0; bit <= last; bit++) {
    if (flags & (1 << bit)) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  }
  return der.bits(bytes, 7 - (last & 7));
}

/** @param authority undefined: no authority */
export function constraintsExtension(authority: { pathLength: number } | undefined): der.Der {
  const length = authority && authority.pathLength >= 0 ? [der.integer(bigEndian(authority.pathLength))] : [];
  return extension(extensionNames.constraints, true, authority ? der.sequence(der.truth(), ...length) : der.sequence());
}

function bigEndian(value: number): der.Der {
  return Uint8Array.of((value >> 24) & 0xff, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);
}

export function namesExtension(names: readonly AlternativeName[]): der.Der[] {
  if (names.length === 0) return [];
  return [extension(extensionNames.alternativeNames, false, der.sequence(...names.map(generalName)))];
}

function generalName({ type, value }: AlternativeName): der.Der {
  if (type === "ip") return der.implicit(nameTags.ip, addressBytes(value));
  return der.implicit(nameTags[type], der.ascii(value));
}

function addressBytes(address: string): der.Der {
  if (isIPv4(address)) return Uint8Array.from(address.split("."), Number);
  // URLs write every form of an IPv6 address in groups, with :: for the longest run of zeros.
  const [before = "", after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const [head, tail] = [before, after ?? ""].map((part) => part.split(":").filter(Boolean)) as [string[], string[]];
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail];
  return Uint8Array.from(
    groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  );
}

const url = (value: string) => generalName({ type: "url", value });

export function listsExtension(crlUrl: string | undefined): der.Der[] {
  if (!crlUrl) return [];
  const point = der.sequence(der.explicit(0, der.explicit(0, url(crlUrl))));
  return [extension(extensionNames.lists, false, der.sequence(point))];
}

export function accessExtension(ocspUrl: string | undefined, issuerUrls: readonly string[]): der.Der[] {
  const rows = [
    ...(ocspUrl ? [der.sequence(der.identifier(responder), url(ocspUrl))] : []),
    ...issuerUrls.map((value) => der.sequence(der.identifier(issuers), url(value))),
  ];
  return rows.length > 0 ? [extension(extensionNames.access, false, der.sequence(...rows))] : [];
}

/** @param spki a public key in DER */
export function subjectKeyExtension(spki: der.Der): der.Der {
  return extension(extensionNames.subjectKey, false, der.octets(keyIdentifier(spki)));
}

export function issuerKeyExtension(keyId: der.Der): der.Der {
  return extension(extensionNames.issuerKey, false, der.sequence(der.implicit(0, keyId)));
}

/** SHA-1 of the key's bits: 4.2.1.2, method 1. */
export function keyIdentifier(spki: der.Der): der.Der {
  const [, key = new Uint8Array()] = der.partsOf(spki);
  return createHash("sha1").update(der.contentOf(key).subarray(1)).digest();
}

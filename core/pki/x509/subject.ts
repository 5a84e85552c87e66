import { isIP } from "node:net";

/** A subject's names, most general first, as `[attribute, value]`. */
export type Subject = readonly (readonly [attribute: SubjectAttribute, value: string])[];
export type SubjectAttribute = "C" | "ST" | "L" | "O" | "OU" | "CN" | "E" | "2.5.4.5";

export type AlternativeName = { type: "dns" | "ip" | "email" | "url"; value: string };

const dnsName = /^(\*\.)?([a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?)*\.?$/i;

/** What kind of name a host is. @param field names where it stands */
export function alternativeName(host: string, field: string): AlternativeName {
  if (isIP(host)) return { type: "ip", value: host };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(host)) return { type: "url", value: host };
  if (/^[^@\s]+@[^@\s]+$/.test(host)) return { type: "email", value: host };
  if (host.length <= 253 && dnsName.test(host)) return { type: "dns", value: host };
  throw new Error(`${field}: "${host.slice(0, 100)}" is no DNS name, IP address, e-mail address or URI`);
}

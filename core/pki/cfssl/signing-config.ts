// What cfssl's ca-config.json says: how long certificates live and what they are for, by profile.
import { nearest } from "@capstan/base/errors";
import { readUsages, type Usages } from "../x509/index.ts";
import { parseDuration } from "./duration.ts";
import { fieldsOf, flagOf, numberOf, parseJson, textOf, textsOf } from "./json.ts";

export interface Profile {
  /** Milliseconds. */
  expiry: number;
  usages: Usages;
  /** Milliseconds before now at which certificates begin. */
  backdate: number;
  notBefore?: Date;
  notAfter?: Date;
  authority?: { pathLength: number };
  ocspUrl?: string;
  crlUrl?: string;
  issuerUrls: string[];
}

const hour = 3_600_000;
const defaultBackdate = 5 * 60_000;

/** What cfssl does without a configuration. */
export const defaultProfile: Profile = {
  expiry: 8760 * hour,
  usages: readUsages(["signing", "key encipherment", "server auth", "client auth"], "usages"),
  backdate: defaultBackdate,
  issuerUrls: [],
};

const known = [
  ...["expiry", "usages", "backdate", "not_before", "not_after", "ca_constraint"],
  ...["ocsp_url", "crl_url", "issuer_urls"],
];

/** @param name of a profile; absent: the default. @param what names the file in errors */
export function readProfile(text: string, name: string | undefined, what: string): Profile {
  const signing = fieldsOf(fieldsOf(parseJson(text, what), what, ["signing"]).signing, `${what}.signing`, [
    "default",
    "profiles",
  ]);
  const base = readOne(signing.default ?? {}, `${what}.signing.default`, defaultProfile);
  if (name === undefined || name === "default") return base;
  const path = `${what}.signing.profiles`;
  const profiles = fieldsOf(signing.profiles ?? {}, path);
  const chosen = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (chosen === undefined) {
    const meant = nearest(name, Object.keys(profiles));
    throw new Error(`${path}: there is no "${name}"${meant ? `; do you mean "${meant}"?` : ""}`);
  }
  return readOne(chosen, `${path}.${name}`, base);
}

function readOne(value: unknown, path: string, base: Profile): Profile {
  const fields = fieldsOf(value, path, known);
  const words = textsOf(fields, "usages", path);
  const duration = (name: string, other: number) => {
    const text = textOf(fields, name, path);
    return text === undefined ? other : parseDuration(text, `${path}.${name}`);
  };
  const [notBefore, notAfter] = [dateOf(fields, "not_before", path), dateOf(fields, "not_after", path)];
  const [ocspUrl, crlUrl] = [textOf(fields, "ocsp_url", path), textOf(fields, "crl_url", path)];
  return {
    expiry: duration("expiry", base.expiry),
    usages: words.length > 0 ? readUsages(words, `${path}.usages`) : base.usages,
    backdate: duration("backdate", base.backdate),
    issuerUrls: textsOf(fields, "issuer_urls", path),
    ...(notBefore ? { notBefore } : {}),
    ...(notAfter ? { notAfter } : {}),
    ...(ocspUrl ? { ocspUrl } : {}),
    ...(crlUrl ? { crlUrl } : {}),
    ...authorityOf(fields.ca_constraint, `${path}.ca_constraint`),
  };
}

function authorityOf(value: unknown, path: string): Pick<Profile, "authority"> {
  if (value === undefined) return {};
  const fields = fieldsOf(value, path, ["is_ca", "max_path_len", "max_path_len_zero"]);
  if (!flagOf(fields, "is_ca", path)) return {};
  const length = numberOf(fields, "max_path_len", path) ?? 0;
  return { authority: { pathLength: length > 0 ? length : flagOf(fields, "max_path_len_zero", path) ? 0 : -1 } };
}

function dateOf(fields: Record<string, unknown>, name: string, path: string): Date | undefined {
  const text = textOf(fields, name, path);
  if (text === undefined) return undefined;
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new Error(`${path}.${name}: "${text.slice(0, 40)}" is no time of RFC 3339`);
  return date;
}

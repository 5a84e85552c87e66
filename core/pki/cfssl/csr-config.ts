// What cfssl's csr.json says: a subject, names, and a key to be made.
import {
  type AlternativeName,
  alternativeName,
  checkKeySpec,
  type KeySpec,
  type Subject,
  type SubjectAttribute,
} from "../x509/index.ts";
import { parseDuration } from "./duration.ts";
import { type Fields, fieldsOf, flagOf, numberOf, parseJson, textOf, textsOf } from "./json.ts";

export interface CsrConfig {
  subject: Subject;
  names: AlternativeName[];
  key: KeySpec;
  ca?: { /** Milliseconds. */ expiry?: number; pathLength: number; backdate?: number };
}

/** cfssl's default. */
const defaultKey: KeySpec = { algo: "ecdsa", size: 256 };
const attributes = [
  ["C", "C"],
  ["ST", "ST"],
  ["L", "L"],
  ["O", "O"],
  ["OU", "OU"],
  ["SerialNumber", "2.5.4.5"],
] as const satisfies readonly (readonly [string, SubjectAttribute])[];

/** @param what names the file in errors. @throws with the field that is wrong */
export function readCsrConfig(text: string, what: string): CsrConfig {
  const known = ["CN", "hosts", "key", "names", "ca", "serialnumber", "crl_url"];
  const fields = fieldsOf(parseJson(text, what), what, known);
  if (fields.crl_url !== undefined) throw new Error(`${what}.crl_url: is not supported here; a profile's crl_url is`);
  const commonName = textOf(fields, "CN", what);
  const serial = textOf(fields, "serialnumber", what);
  return {
    subject: [
      ...readNames(fields.names, `${what}.names`),
      ...(serial ? ([["2.5.4.5", serial]] as const) : []),
      ...(commonName ? ([["CN", commonName]] as const) : []),
    ],
    names: textsOf(fields, "hosts", what).flatMap((host, index) =>
      host === "" ? [] : [alternativeName(host, `${what}.hosts[${index}]`)],
    ),
    key: fields.key === undefined ? defaultKey : readKeySpec(fields.key, `${what}.key`),
    ...(fields.ca === undefined ? {} : { ca: readCa(fields.ca, `${what}.ca`) }),
  };
}

function readNames(value: unknown, path: string): Subject {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`${path}: must be a list of objects`);
  const rows = value.map((item, index): [Fields, string] => {
    const at = `${path}[${index}]`;
    return [fieldsOf(item, at, [...attributes.map(([name]) => name), "OID"]), at];
  });
  // As cfssl: all countries, then all provinces, and so on.
  return attributes.flatMap(([name, attribute]) =>
    rows.flatMap(([fields, at]) => {
      if (fields.OID !== undefined) throw new Error(`${at}.OID: is not supported`);
      const text = textOf(fields, name, at);
      if (text !== undefined && name === "C" && !/^[A-Za-z]{2}$/.test(text)) {
        throw new Error(`${at}.C: "${text}" is no country's code of two letters`);
      }
      return text === undefined ? [] : [[attribute, text] as const];
    }),
  );
}

function readKeySpec(value: unknown, path: string): KeySpec {
  const fields = fieldsOf(value, path, ["algo", "size"]);
  const algo = textOf(fields, "algo", path) ?? defaultKey.algo;
  const spec = { algo, size: numberOf(fields, "size", path) ?? (algo === "rsa" ? 2048 : 256) } as KeySpec;
  try {
    checkKeySpec(spec);
  } catch (error) {
    throw new Error(`${path.replace(/key$/, "")}${(error as Error).message}`, { cause: error });
  }
  return spec;
}

function readCa(value: unknown, path: string): NonNullable<CsrConfig["ca"]> {
  const fields = fieldsOf(value, path, ["expiry", "pathlen", "pathlenzero", "backdate"]);
  const [expiry, backdate] = [textOf(fields, "expiry", path), textOf(fields, "backdate", path)];
  const length = numberOf(fields, "pathlen", path) ?? 0;
  return {
    ...(expiry === undefined ? {} : { expiry: parseDuration(expiry, `${path}.expiry`) }),
    ...(backdate === undefined ? {} : { backdate: parseDuration(backdate, `${path}.backdate`) }),
    pathLength: length > 0 ? length : flagOf(fields, "pathlenzero", path) ? 0 : -1,
  };
}

// The generic functions of sprig v3 (Masterminds/sprig) that workflows have: all but env and expandenv.
import { ExpressionError } from "../error.ts";
import { type Callable, callable } from "./call.ts";
import { collections } from "./collections.ts";
import { numbers } from "./numbers.ts";
import { others } from "./others.ts";
import { texts } from "./texts.ts";

/** Functions that make keys and certificates, or ask the network: expressions are computed again and again. */
const refused = [
  "bcrypt",
  "htpasswd",
  "genPrivateKey",
  "derivePassword",
  "buildCustomCert",
  "genCA",
  "genCAWithKey",
  "genSelfSignedCert",
  "genSelfSignedCertWithKey",
  "genSignedCert",
  "genSignedCertWithKey",
  "getHostByName",
  "semver",
];

const entries = Object.entries({ ...numbers, ...texts, ...collections, ...others });

export const sprig: Readonly<Record<string, Callable>> = Object.freeze({
  ...Object.fromEntries(entries.map(([name, [signature, work]]) => [name, callable(name, signature, work)])),
  ...Object.fromEntries(
    refused.map((name) => [
      name,
      () => {
        throw new ExpressionError(`sprig.${name} is not supported`);
      },
    ]),
  ),
});

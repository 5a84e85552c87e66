import { nearest } from "@capstan/base/errors";
import { defaultFiles } from "@capstan/core/pki/cfssl";
import { UsageError } from "../usage.ts";
import { bundle, version } from "./bundle.ts";
import { gencert, gencsr, genkey, selfsign, sign } from "./make.ts";
import { crl, gencrl, ocspserve, ocspsign, revoke } from "./revocation.ts";
import { certinfo } from "./show.ts";
import { trust } from "./trust.ts";
import { json, secret } from "./write.ts";

const verbs: Record<string, (args: string[]) => Promise<number>> = {
  "print-defaults": printDefaults,
  genkey,
  gencsr,
  gencert,
  sign,
  selfsign,
  certinfo,
  bundle,
  revoke,
  gencrl,
  crl,
  ocspsign,
  ocspserve,
  json,
  secret,
  trust,
  version,
};

/** cfssl's sub-commands and flags. */
export async function pki(args: string[]): Promise<number> {
  const [verb = "", ...rest] = args;
  const run = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (run) return run(rest);
  const meant = nearest(verb, Object.keys(verbs));
  throw new UsageError(
    "pki",
    verb === ""
      ? `the sub-command is missing: one of ${Object.keys(verbs).join(", ")}`
      : `there is no "${verb}"${meant ? `; do you mean "${meant}"?` : `: there are ${Object.keys(verbs).join(", ")}`}`,
  );
}

async function printDefaults([what = "list"]: string[]): Promise<number> {
  if (what === "list") {
    process.stdout.write(`Default configurations are available for:\n\t${Object.keys(defaultFiles).join("\n\t")}\n`);
    return 0;
  }
  const file = Object.hasOwn(defaultFiles, what) ? defaultFiles[what] : undefined;
  if (!file)
    throw new UsageError("pki", `print-defaults has ${Object.keys(defaultFiles).join(" and ")}, not "${what}"`);
  process.stdout.write(`${JSON.stringify(file, null, 4)}\n`);
  return 0;
}

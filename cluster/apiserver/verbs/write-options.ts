// What the query of a write may say. Source: apimachinery's metav1 validation of options.
import type { FieldErrors as Errors } from "../field-errors.ts";
import { FieldErrors } from "../field-errors.ts";
import type { Call } from "./call.ts";

export type FieldValidation = "Strict" | "Warn" | "Ignore";

export interface WriteOptions {
  dryRun: boolean;
  validation: FieldValidation;
  force: boolean;
}

const validations = ["", "Ignore", "Strict", "Warn"];
const managerLimit = 128;

/** Throws Invalid. @param applies whether the patch is an apply. */
export function writeOptionsOf(
  { info }: Call,
  options: "CreateOptions" | "UpdateOptions" | "PatchOptions",
  applies = false,
): WriteOptions {
  const { query } = info;
  const errors = new FieldErrors();
  const manager = query.get("fieldManager") ?? "";
  const force = query.get("force");
  if (applies && manager === "") errors.required("fieldManager", "is required for apply patch");
  if (options === "PatchOptions" && !applies && force !== null) {
    errors.forbidden("force", "may not be specified for non-apply patch");
  }
  checkManager(manager, "fieldManager", errors);
  const dryRun = checkDryRun(query.getAll("dryRun"), errors);
  const validation = query.get("fieldValidation") ?? "";
  if (!validations.includes(validation)) errors.notSupported("fieldValidation", validation, validations);
  errors.throwFor({ group: "meta.k8s.io", kind: options }, "");
  return { dryRun, validation: (validation || "Warn") as FieldValidation, force: force === "true" || force === "1" };
}

export function checkManager(manager: string, field: string, errors: Errors): void {
  if (new TextEncoder().encode(manager).length > managerLimit) errors.tooLong(field, managerLimit);
  for (const [at, char] of [...manager].entries()) {
    if (!/[\p{C}\p{Zl}\p{Zp}]|[^\S ]/u.test(char)) continue;
    const code = `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
    errors.invalidShown(field, goQuote(manager), `invalid character ${code} (at position ${at})`);
  }
}

const goQuote = (text: string) => JSON.stringify(text).replace(/\\u00([0-9a-f]{2})/g, (_, hex: string) => `\\x${hex}`);

/** Whether only to try; adds an error for any other value than All. */
export function checkDryRun(values: readonly string[], errors: Errors): boolean {
  if (values.some((value) => value !== "All")) errors.notSupported("dryRun", values, ["All"]);
  return values.length > 0;
}

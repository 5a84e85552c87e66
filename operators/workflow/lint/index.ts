// Lint: whole files before anything of them is stored or run.
export { type Finding, type LintOptions, lintedKinds, lintFiles, type SourceFile } from "./lint.ts";
export { type LintFormat, lintFormats, printFindings } from "./print.ts";

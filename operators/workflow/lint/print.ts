// Findings as people, programs and GitHub read them.
import type { Finding } from "./lint.ts";

export const lintFormats = ["pretty", "simple", "json", "github"] as const;
export type LintFormat = (typeof lintFormats)[number];

/** @param files how many were looked at. */
export function printFindings(findings: Finding[], format: LintFormat, files: number): string {
  switch (format) {
    case "json":
      return JSON.stringify(findings, null, 2);
    case "simple":
      return findings.map(simple).join("\n");
    case "github":
      return findings.map(annotation).join("\n");
    case "pretty":
      return pretty(findings, files);
  }
}

const said = ({ path, message }: Finding) => (path ? `${path}: ${message}` : message);

function simple(finding: Finding): string {
  const { file, line, column, severity, object } = finding;
  return `${file}:${line}:${column}: ${severity}: ${said(finding)}${object ? ` (${object})` : ""}`;
}

/** A workflow command; what would end it is escaped. */
function annotation(finding: Finding): string {
  const { file, line, column, severity, object } = finding;
  const data = (text: string) => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (text: string) => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const title = object ? `,title=${property(object)}` : "";
  return `::${severity} file=${property(file)},line=${line},col=${column}${title}::${data(said(finding))}`;
}

function pretty(findings: Finding[], files: number): string {
  const lines: string[] = [];
  let file: string | undefined;
  for (const finding of findings) {
    if (finding.file !== file) lines.push(`${file === undefined ? "" : "\n"}${finding.file}:`);
    file = finding.file;
    const { line, column, severity, object } = finding;
    lines.push(
      `  ${severity === "error" ? "✖" : "⚠"} ${line}:${column}  ${said(finding)}${object ? `  (${object})` : ""}`,
    );
  }
  const count = (severity: Finding["severity"], name: string) => {
    const found = findings.filter((finding) => finding.severity === severity).length;
    return `${found} ${name}${found === 1 ? "" : "s"}`;
  };
  const looked = `${files} file${files === 1 ? "" : "s"}`;
  if (findings.length === 0) return `✔ no problems in ${looked}`;
  return `${lines.join("\n")}\n\n${count("error", "error")}, ${count("warning", "warning")} in ${looked}`;
}

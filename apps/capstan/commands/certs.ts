import { renameSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  daysLeft,
  type Entry,
  planRenewal,
  readInventory,
  renewCertificates,
  resumeReplacement,
} from "@capstan/core/pki/kubeadm";
import { locateDataDirectory } from "../instance/data-directory.ts";
import { readInstanceCertificates } from "../platform/certificate-files.ts";
import { formatTable } from "./table.ts";
import { parse, parseNumber, UsageError } from "./usage.ts";

const flags = {
  dir: { type: "string", default: "/etc/kubernetes" },
  "kubelet-dir": { type: "string", default: "/var/lib/kubelet/pki" },
  "data-dir": { type: "string" },
  "warn-days": { type: "string", default: "30" },
  json: { type: "boolean", default: false },
  prometheus: { type: "string" },
  days: { type: "string" },
  "new-key": { type: "boolean", default: false },
  "dry-run": { type: "boolean", default: false },
} as const;

/** Names on one command line. */
const nameLimit = 64;

type Values = ReturnType<typeof parse<typeof flags>>["values"];

/** The certificates of a kubeadm control plane, or of the embedded cluster. */
export async function certs(args: string[]): Promise<number> {
  const [verb = "", ...rest] = args;
  const { values, positionals } = parse("certs", rest, flags, Array<string>(nameLimit).fill("NAME?"));
  if (verb === "check") return check(values);
  if (verb === "renew") return renew(values, positionals);
  throw new UsageError("certs", `"${verb}" is none of check, renew`);
}

async function check(values: Values): Promise<number> {
  const warnDays = parseNumber("certs", "--warn-days", values["warn-days"], 0, 36_500);
  const directory = resolve(values.dir);
  const resumed = values["data-dir"] ? undefined : resumeReplacement(directory);
  if (resumed) process.stderr.write(`a renewal that was cut off is finished; the old files are in ${resumed}\n`);
  const missing: string[] = [];
  const entries = values["data-dir"]
    ? readInstanceCertificates(locateDataDirectory(values["data-dir"]).root)
    : await readInventory({
        directory,
        kubeletDirectory: resolve(values["kubelet-dir"]),
        missing: (words) => missing.push(words),
      });
  const now = Date.now();
  const rows = entries.map((entry) => ({
    name: entry.name,
    path: entry.file,
    expires: entry.certificate.validToDate.toISOString(),
    daysLeft: daysLeft(entry, now),
    authority: entry.authority,
    isAuthority: entry.kind === "authority",
    external: entry.external,
    ...(entry.problem ? { problem: entry.problem } : {}),
  }));
  if (values.prometheus) writeMetrics(values.prometheus, entries, now);
  if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else process.stdout.write(`${formatEntries(entries, now)}\n`);
  const short = rows.filter((row) => row.daysLeft < warnDays);
  const wrong = rows.filter(({ problem }) => problem);
  for (const words of missing) process.stderr.write(`${words}\n`);
  if (!values.json) {
    for (const { name, problem } of wrong) process.stderr.write(`${name}: ${problem}\n`);
    if (short.length > 0) {
      const said = short.map(({ name, daysLeft: left }) => `${name} (${left < 0 ? "expired" : `${left} days`})`);
      process.stderr.write(
        `fewer than ${warnDays} days are left: ${said.join(", ")}\nrenew with: capstan certs renew all --dir ${directory}\n`,
      );
    }
  }
  return short.length + wrong.length + missing.length > 0 ? 1 : 0;
}

function formatEntries(entries: Entry[], now: number): string {
  const yes = (value: boolean) => (value ? "yes" : "no");
  const common = (entry: Entry) => [formatDate(entry.certificate.validToDate), formatLeft(daysLeft(entry, now))];
  const byName = (a: Entry, b: Entry) => (a.name < b.name ? -1 : 1);
  const leaves = entries.filter(({ kind }) => kind !== "authority").sort(byName);
  const tops = entries.filter(({ kind }) => kind === "authority");
  const first = formatTable([
    ["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"],
    ...leaves.map((entry) => [entry.name, ...common(entry), entry.authority, yes(entry.external)]),
  ]);
  if (tops.length === 0) return first;
  const second = formatTable([
    ["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"],
    ...tops.map((entry) => [entry.name, ...common(entry), yes(entry.external)]),
  ]);
  return `${first}\n${second}`;
}

/** `Dec 30, 2026 23:36 UTC`, as kubeadm. */
function formatDate(date: Date): string {
  const [, , month, year] = date.toUTCString().split(" ");
  return `${month} ${String(date.getUTCDate()).padStart(2, "0")}, ${year} ${date.toISOString().slice(11, 16)} UTC`;
}

function formatLeft(days: number): string {
  if (days < 0) return "<invalid>";
  return days >= 730 ? `${Math.floor(days / 365)}y` : `${days}d`;
}

/** For node-exporter's textfile collector. */
function writeMetrics(path: string, entries: Entry[], now: number): void {
  const lines = entries.map((entry) => {
    const labels = { name: entry.name, path: entry.file, ca: entry.authority };
    const text = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
    const left = (entry.certificate.validToDate.getTime() - now) / 86_400_000;
    return `capstan_certificate_days_left{${text.join(",")}} ${left.toFixed(3)}`;
  });
  const head = [
    "# HELP capstan_certificate_days_left Days until a certificate expires; negative once it has.",
    "# TYPE capstan_certificate_days_left gauge",
  ];
  writeFileSync(`${path}.next`, `${[...head, ...lines].join("\n")}\n`, { mode: 0o644 });
  renameSync(`${path}.next`, path);
}

async function renew(values: Values, words: string[]): Promise<number> {
  if (values["data-dir"]) {
    throw new Error("the embedded cluster renews its certificates itself while it runs, and at each start");
  }
  if (words.length === 0) throw new UsageError("certs", "renew takes all, or names as check prints them");
  const directory = resolve(values.dir);
  const resumed = resumeReplacement(directory);
  if (resumed) process.stdout.write(`a renewal that was cut off is finished; the old files are in ${resumed}\n`);
  const plan = {
    directory,
    newKeys: values["new-key"],
    days: values.days === undefined ? undefined : parseNumber("certs", "--days", values.days, 1, 36_500),
    ...(words.includes("all") ? {} : { names: words }),
  };
  if (values["dry-run"]) {
    for (const { name, file } of await planRenewal(plan)) process.stdout.write(`would renew ${name} (${file})\n`);
    return 0;
  }
  const { renewed, backup } = await renewCertificates(plan);
  for (const { entry, notAfter } of renewed)
    process.stdout.write(`${entry.name} renewed until ${formatDate(notAfter)}\n`);
  process.stdout.write(`the old files are in ${backup}\n`);
  const users = [...new Set(renewed.flatMap(({ entry }) => entry.users))];
  if (users.length > 0) process.stdout.write(`${advice(directory, users)}\n`);
  return 0;
}

function advice(directory: string, users: string[]): string {
  const pods = users.filter((user) => user !== "kubelet");
  const lines = ["these read their certificates when they start; restart them:"];
  for (const pod of pods) {
    const manifest = `${directory}/manifests/${pod}.yaml`;
    lines.push(`  mv ${manifest} /tmp/ && sleep 20 && mv /tmp/${pod}.yaml ${manifest}`);
  }
  if (users.includes("kubelet")) lines.push("  systemctl restart kubelet");
  return lines.join("\n");
}

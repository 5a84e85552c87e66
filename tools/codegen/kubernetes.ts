// Regenerates api/generated from upstream's modules: node tools/codegen/kubernetes.ts <go module cache>/k8s.io v0.33.4
import { mkdirSync, writeFileSync } from "node:fs";
import { emitResources, emitTypes } from "./emit-types.ts";
import { readUpstream } from "./read-upstream.ts";

const [modules, version] = process.argv.slice(2);
if (!modules || !version) throw new Error("usage: kubernetes.ts <directory of k8s.io modules> <version, e.g. v0.33.4>");

const out = new URL("../../api/generated/", import.meta.url);
mkdirSync(out, { recursive: true });
const upstream = readUpstream(modules, version);
for (const resource of upstream.resources) {
  const found = Object.entries(upstream.types).find(([, type]) =>
    type.kinds?.some((k) => k.group === resource.group && k.version === resource.version && k.kind === resource.kind),
  );
  resource.type = found?.[0] ?? "";
}
for (const [name, text] of emitTypes(upstream.types)) writeFileSync(new URL(name, out), text);
const rows = (table: object) =>
  `{\n${Object.entries(table)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(",\n")}\n}`;
writeFileSync(new URL("resources.ts", out), emitResources(upstream.resources, upstream.types));
writeFileSync(new URL("types.json", out), `${rows(upstream.types)}\n`);
writeFileSync(
  new URL("resources.json", out),
  `[\n${upstream.resources.map((r) => JSON.stringify(r)).join(",\n")}\n]\n`,
);

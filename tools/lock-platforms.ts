// Completes package-lock.json with the optional packages of other platforms: node tools/lock-platforms.ts
// npm leaves out those that the registry in use did not have at that moment, and then `npm ci` refuses its own lock file.
import { readFileSync, writeFileSync } from "node:fs";

interface Locked {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const systems = ["android", "darwin", "linux", "win32", "freebsd", "openharmony"];
const processors = ["arm64", "x64", "arm", "ia32", "ppc64", "riscv64", "s390x", "wasm32"];

/** Adds what is missing. Only packages whose name says a platform: others are not optional for that reason. */
export function completeLock(packages: Record<string, Locked>): string[] {
  const added: string[] = [];
  for (const owner of Object.values(packages)) {
    for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
      const words = name.split(/[-/]/);
      const os = words.filter((word) => systems.includes(word));
      if (packages[`node_modules/${name}`] || os.length !== 1 || !/^\d/.test(version)) continue;
      const cpu = words.filter((word) => processors.includes(word));
      const dev = owner.dev ? { dev: true } : {};
      const libc = name.endsWith("-musl") ? { libc: ["musl"] } : {};
      packages[`node_modules/${name}`] = { version, ...dev, optional: true, os, cpu, ...libc };
      added.push(`${name}@${version}`);
    }
  }
  return added;
}

if (import.meta.main) {
  const file = new URL("../package-lock.json", import.meta.url);
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const added = completeLock(lock.packages);
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(added.length === 0 ? "nothing was missing" : added.join("\n"));
}

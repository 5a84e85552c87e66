// The image's root: argoexec, Node with the libraries that it is linked with, and the executor as one bundle. No shell.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "vite";
import { buildArgoexec } from "../../apps/executor/argoexec/build.ts";

const repository = join(import.meta.dirname, "../..");

/** @throws Error naming the tool that is missing, or with its words. */
export async function fillRoot(root: string): Promise<void> {
  const capstan = join(root, "opt/capstan");
  for (const path of ["bin", "etc", "tmp", "opt/capstan/bin", "opt/capstan/lib"])
    mkdirSync(join(root, path), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/argoexec\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
  buildArgoexec(join(root, "bin/argoexec"));
  const node = process.execPath;
  copyFileSync(node, join(capstan, "bin/node"));
  for (const library of librariesOf(node)) {
    // The loader is started by name, whatever it is called on this architecture.
    const name = /^ld-linux/.test(basename(library)) ? "ld.so" : basename(library);
    copyFileSync(library, join(capstan, "lib", name));
    chmodSync(join(capstan, "lib", name), 0o755);
  }
  await bundle(join(capstan, "executor"));
}

function librariesOf(program: string): string[] {
  const { status, stdout, error } = spawnSync("ldd", [program], { encoding: "utf8" });
  if (status !== 0) throw new Error(`ldd ${program} failed: ${error?.message ?? stdout}`);
  const paths = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
  if (!paths.some((path) => /\/ld-linux/.test(path))) throw new Error(`ldd ${program} names no loader: ${stdout}`);
  return paths;
}

async function bundle(output: string): Promise<void> {
  await build({
    configFile: false,
    root: repository,
    logLevel: "warn",
    ssr: { noExternal: true },
    build: {
      ssr: join(repository, "apps/executor/main.ts"),
      outDir: output,
      target: "node24",
      minify: false,
      emptyOutDir: true,
    },
  });
  if (!readdirSync(output).includes("main.js")) throw new Error(`the bundle has no main.js: ${readdirSync(output)}`);
  writeFileSync(join(output, "package.json"), '{"type":"module"}\n');
}

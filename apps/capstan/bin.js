#!/usr/bin/env node
// Starts Capstan on the Node that npm installed beside it, whichever Node ran this file.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(import.meta.url);
const pinned = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url));
// MiB. V8's own choice grows to 64 MiB of young objects, which an idle platform then keeps.
const flags = ["--max-semi-space-size=8", "--disable-warning=ExperimentalWarning"];
const [major = 0] = process.versions.node.split(".").map(Number);

if (flags.every((flag) => process.execArgv.includes(flag))) {
  module.enableCompileCache?.();
  await import(new URL("./main.ts", import.meta.url).href);
} else if (!existsSync(pinned)) {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  console.error(`capstan runs on a Node of its own, which is not installed: run "npm ci" in ${root}`);
  process.exitCode = 1;
} else if (major >= 24 && process.execve) {
  process.execve(pinned, [pinned, ...flags, file, ...process.argv.slice(2)], process.env);
} else {
  const child = spawn(pinned, [...flags, file, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both: the commands take a signal that comes twice for one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 143);
  });
}

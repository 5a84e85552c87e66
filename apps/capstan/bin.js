#!/usr/bin/env node
// Starts Capstan on the Node that npm installed beside it, whichever Node ran this file.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

const pinned = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url));
const main = new URL("./main.ts", import.meta.url);
const [major = 0] = process.versions.node.split(".").map(Number);

if (major >= 24) {
  module.enableCompileCache?.();
  await import(main.href);
} else if (existsSync(pinned)) {
  const child = spawn(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  // The terminal sends Ctrl-C to both; a signal sent to this process alone is passed on.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  }
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 143);
  });
} else {
  console.error(
    `capstan needs Node 24, and this is ${process.version}: run "npm ci" in ${fileURLToPath(new URL("../../", import.meta.url))}`,
  );
  process.exitCode = 1;
}

// Runs every test: npm test [-- pattern…]. With CAPSTAN_NO_SKIPS=1 a skipped test fails the run.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";

const tops = "{base,api,core,cluster,operators,components,apps,testing,tools}";
const patterns = process.argv.slice(2);
const wanted = (path: string) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern));
const files = globSync(`${tops}/**/*.test.ts`, { exclude: (name) => name.includes("node_modules") })
  .sort()
  .filter(wanted);
if (files.length === 0) throw new Error(`no test file matches ${patterns.join(" ")}`);

const reporter = new URL("./skip-reporter.ts", import.meta.url).pathname;
const options = ["--test", "--test-concurrency=2", "--test-timeout=300000"];
const reporters = ["--test-reporter=dot", "--test-reporter-destination=stdout"];
const skips = [`--test-reporter=${reporter}`, "--test-reporter-destination=stdout"];
const { status } = spawnSync(process.execPath, [...options, ...reporters, ...skips, ...files], { stdio: "inherit" });
process.exitCode = status ?? 1;

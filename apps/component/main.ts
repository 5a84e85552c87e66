// Entry of the image capstan/components: runs one component of the catalogue on the ports' directories.
import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { type ComponentDefinition, ComponentError, componentNames } from "@capstan/components/contract";
import { catalogue } from "@capstan/components/library";
import { runComponent } from "@capstan/components/runner";
import { parseCommandLine } from "./command-line.ts";

const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"])
  process.once(name, () => stop.abort(new ComponentError(`stopped by ${name}`)));
/** Where the kubelet reads why a container ended; elsewhere there is no such file. */
const terminationLog = "/dev/termination-log";

try {
  const { component, parameters } = parseCommandLine(process.argv.slice(2), catalogue.keys());
  await runComponent(catalogue.get(component) as ComponentDefinition, {
    parameters,
    inputs: process.env.CAPSTAN_INPUTS ?? componentNames.inputs,
    outputs: process.env.CAPSTAN_OUTPUTS ?? componentNames.outputs,
    scratch: tmpdir(),
    log: (line) => process.stdout.write(`${line}\n`),
    signal: stop.signal,
  });
} catch (error) {
  const refused = error instanceof ComponentError;
  const message = error instanceof Error ? ((refused ? undefined : error.stack) ?? error.message) : String(error);
  process.stderr.write(`${message}\n`);
  if (existsSync(terminationLog)) writeFileSync(terminationLog, message);
  process.exitCode = refused ? 1 : 70;
}

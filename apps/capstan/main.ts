// The command line: finds the command, runs it, prints what went wrong and what to do about it.
import { messageOf } from "@capstan/base/errors";
import { commands, findCommand, overview } from "./commands/index.ts";
import { UsageError } from "./commands/usage.ts";

const [name = "help", ...rest] = process.argv.slice(2);

try {
  if (name === "help" || name === "--help" || name === "-h") {
    const command = rest[0] ? findCommand(rest[0]) : undefined;
    console.log(command ? command.help : overview(commands));
  } else {
    const command = findCommand(name);
    if (rest.includes("--help") || rest.includes("-h")) console.log(command.help);
    else process.exitCode = await (await command.load())(rest);
  }
} catch (error) {
  console.error(`capstan: ${messageOf(error)}`);
  if (error instanceof UsageError) console.error(`Run "capstan ${error.command} --help" to see what it takes.`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

// The command line: finds the command, runs it, prints what went wrong and what to do about it.
import { messageOf } from "@capstan/base/errors";
import { type Command, commands, findCommand, overview } from "./commands/index.ts";
import { UsageError } from "./commands/usage.ts";

const [name = "help", ...rest] = process.argv.slice(2);

try {
  if (name === "help" || name === "--help" || name === "-h") {
    const command = rest[0] ? findCommand(rest[0]) : undefined;
    console.log(command ? await helpOf(command, rest.slice(1)) : overview(commands));
  } else {
    const command = findCommand(name);
    if (rest.includes("--help") || rest.includes("-h")) console.log(await helpOf(command, rest));
    else process.exitCode = await (await command.load())(rest);
  }
} catch (error) {
  console.error(`capstan: ${messageOf(error)}`);
  if (error instanceof UsageError) console.error(`Run "capstan ${error.command} --help" to see what it takes.`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function helpOf(command: Command, args: string[]): Promise<string> {
  return command.helpOn ? command.helpOn(args) : command.help;
}

import { openSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";

/**
 * Asks at the terminal without showing what is typed, also where the standard input is something else.
 * @throws when there is no terminal, or with Ctrl-C
 */
export function askSecret(question: string): Promise<string> {
  const { terminal, say, close } = openTerminal();
  // First the one and then the other: what answers at once is not shown either.
  terminal.setRawMode(true);
  say(question);
  terminal.setEncoding("utf8");
  return new Promise((resolve, reject) => {
    let typed = "";
    const finish = (act: () => void) => {
      terminal.off("data", hear);
      terminal.setRawMode(false);
      say("\n");
      close();
      act();
    };
    const hear = (chunk: string) => {
      for (const character of chunk) {
        if (character === "\r" || character === "\n") return finish(() => resolve(typed));
        if (character === "\u0003" || character === "\u0004")
          return finish(() => reject(new Error("no passphrase given")));
        typed = character === "\u007f" || character === "\b" ? typed.slice(0, -1) : typed + character;
      }
    };
    terminal.on("data", hear);
    terminal.resume();
  });
}

interface Terminal {
  terminal: ReadStream;
  say(text: string): void;
  close(): void;
}

function openTerminal(): Terminal {
  const { stdin, stderr } = process;
  if (stdin.isTTY) return { terminal: stdin, say: (text) => stderr.write(text), close: () => stdin.pause() };
  try {
    const descriptor = openSync("/dev/tty", "r+");
    const terminal = new ReadStream(descriptor);
    return { terminal, say: (text) => writeSync(descriptor, text), close: () => terminal.destroy() };
  } catch (error) {
    throw new Error("a passphrase is needed, and there is no terminal to ask at: use -passphrase-file FILE", {
      cause: error,
    });
  }
}

// Asks Argo's own libraries and ours the same questions: compare.ts PROGRAM [SEED COUNT] prints where the answers differ;
// compare.ts PROGRAM record FILE writes the peer's answers down, for tests that have no peer.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { answer, type Peer, sameAnswer } from "./answers.ts";
import { handMade, type Question } from "./hand-made.ts";
import { randomQuestions } from "./random-questions.ts";

export function askPeer(program: string, questions: Question[]): Peer[] {
  const input = questions.map((question) => JSON.stringify(question)).join("\n");
  const { stdout, status, stderr } = spawnSync(program, { input, encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  const answers = stdout.trim().split("\n");
  return answers.map((line) => JSON.parse(line) as Peer);
}

/** How many of the questions are answered differently; each is printed. */
export async function compareAnswers(program: string, questions: Question[]): Promise<number> {
  const peers = askPeer(program, questions);
  let differing = 0;
  for (const [i, question] of questions.entries()) {
    const theirs = peers[i] as Peer;
    const ours = await answer(question);
    if (sameAnswer(ours, theirs)) continue;
    differing++;
    const show = (peer: Peer) => JSON.stringify(peer).slice(0, 300);
    console.log(`${question.language}: ${question.source}\n  theirs ${show(theirs)}\n  ours   ${show(ours)}`);
  }
  console.log(`${questions.length} questions, ${differing} answered differently`);
  return differing;
}

/** Answers by language; errors as null, since their words are the peer's. */
function record(program: string, file: string): void {
  const questions = [...handMade(), ...randomQuestions(7, 1500)];
  const peers = askPeer(program, questions);
  const lines = questions.flatMap(({ language, source }, i) => {
    const { value, type, error } = peers[i] as Peer;
    // A text's bytes are whole numbers like any other here.
    if (value === "uint") return [];
    return [JSON.stringify([language, source, ...(error === undefined ? [type, value ?? null] : [])])];
  });
  writeFileSync(file, `[\n${[...new Set(lines)].join(",\n")}\n]\n`);
}

if (import.meta.main) {
  const [program = "", seed = "", count = "500"] = process.argv.slice(2);
  if (seed === "record") record(program, count);
  else {
    const questions = seed ? randomQuestions(Number(seed), Number(count)) : handMade();
    process.exitCode = (await compareAnswers(program, questions)) > 0 ? 1 : 0;
  }
}

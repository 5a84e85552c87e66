// Writes what the kube-apiserver of CAPSTAN_TEST_KUBECONFIG answers into fixtures, or shows how ours differs from them:
// record.ts write|show [TOPIC…]
import { type Fixture, readFixture, writeFixture } from "./fixture.ts";
import { record } from "./recording.ts";
import { openEmbedded, openSubject, type Subject } from "./subject.ts";
import { topics } from "./topics/index.ts";

const [command, ...chosen] = process.argv.slice(2);
const names = chosen.length > 0 ? chosen : Object.keys(topics);
if (command === "write") await write();
else await show();

async function write(): Promise<void> {
  if (!process.env.CAPSTAN_TEST_KUBECONFIG) throw new Error("CAPSTAN_TEST_KUBECONFIG names no kubeconfig");
  await using subject = await openSubject();
  for (const topic of names) {
    const answers = await answersOf(subject, topic);
    await writeFixture(topic, answers);
    console.log(`${topic}: ${Object.values(answers).flat().length} answers`);
  }
}

async function answersOf(subject: Subject, topic: string): Promise<Fixture> {
  const answers: Fixture = {};
  for (const [name, scenario] of Object.entries(topics[topic] ?? {})) answers[name] = await record(subject, scenario);
  return answers;
}

async function show(): Promise<void> {
  await using subject = await openEmbedded();
  let count = 0;
  for (const topic of names) {
    const expected = await readFixture(topic);
    for (const [name, answers] of Object.entries(await answersOf(subject, topic))) {
      answers.forEach((answer, i) => {
        const noted = expected[name]?.find(({ request, status }) => status === 0 && request === answer.request);
        const lines = [...differences(noted ?? expected[name]?.[i], answer, "")];
        if (lines.length === 0) return;
        count++;
        console.log(`\n${topic}: ${name} [${i}] ${answer.request}`);
        for (const line of lines) console.log(`   ${line}`);
      });
    }
  }
  console.log(`\n${count} answers differ`);
}

/** Lines of what is missing (-), too much (+) or other, by path. */
function* differences(wanted: unknown, got: unknown, path: string): Generator<string> {
  if (JSON.stringify(wanted) === JSON.stringify(got)) return;
  const nested = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  if (!nested(wanted) || !nested(got) || Array.isArray(wanted) !== Array.isArray(got)) {
    yield wanted === undefined
      ? `+ ${path}: ${JSON.stringify(got)}`
      : got === undefined
        ? `- ${path}: ${JSON.stringify(wanted)}`
        : `~ ${path}:\n       want ${JSON.stringify(wanted)}\n       got  ${JSON.stringify(got)}`;
    return;
  }
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(got)])) {
    yield* differences(wanted[key], got[key], path ? `${path}.${key}` : key);
  }
}

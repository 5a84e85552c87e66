// Ends a test run with what failed, what was skipped and why, and the counts; fails it for a skip when CAPSTAN_NO_SKIPS is set.
import type { TestEvent } from "node:test/reporters";

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skipped: string[] = [];
  const failed: string[] = [];
  let passed = 0;
  for await (const event of events) {
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const { name, file, skip, details } = event.data;
    if (details.type === "suite") continue;
    if (skip !== undefined && skip !== false)
      skipped.push(`${file ?? ""}: ${name}: ${skip === true ? "no reason given" : skip}`);
    else if (event.type === "test:fail") failed.push(`${file ?? ""}: ${name}: ${reasonOf(event.data.details.error)}`);
    else passed++;
  }
  yield "\n";
  for (const line of failed) yield `failed: ${line}\n`;
  for (const line of skipped) yield `skipped: ${line}\n`;
  yield `${passed} passed, ${failed.length} failed, ${skipped.length} skipped\n`;
  if (skipped.length > 0 && process.env.CAPSTAN_NO_SKIPS === "1") process.exitCode = 1;
}

function reasonOf(error: Error & { cause?: unknown }): string {
  const cause =
    error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : String(error.cause ?? error.message);
  return cause;
}

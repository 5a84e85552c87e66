import { testRuntime } from "@capstan/testing/contracts";
import { FakeRuntime } from "./fake.ts";

async function open() {
  const runtime = new FakeRuntime(([verb, code, output]) => {
    if (verb === "exit") return { exitCode: Number(code), output };
    if (verb === "test" || verb === "true") return { exitCode: 0 };
    return { heedsTerm: verb === "heed" };
  });
  return {
    runtime,
    images: runtime,
    image: "any:1",
    missing: "missing:1",
    commands: {
      exits: (code: number, text: string) => ["exit", String(code), text],
      stays: () => ["stay"],
      heeds: () => ["heed"],
      echoes: () => ["cat"],
    },
    close: async () => {},
  };
}

testRuntime("fake", open, undefined, "life");

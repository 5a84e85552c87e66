import { testRuntime } from "@capstan/testing/contracts";
import { FakeRuntime } from "./fake.ts";

testRuntime("fake", async () => {
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
      exits: (code, text) => ["exit", String(code), text],
      stays: () => ["stay"],
      heeds: () => ["heed"],
      echoes: () => ["cat"],
    },
    close: async () => {},
  };
});

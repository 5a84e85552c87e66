import { testStore } from "@capstan/testing/contracts";
import { createMemoryStore } from "./index.ts";

testStore("memory", async (options) => createMemoryStore(options));

// The tour with the newest kubectl of the machine; versions.ts takes it with each.
import { after, before, describe, test } from "node:test";
import { nodeMissing } from "../../cluster/index.ts";
import { type Instance, startInstance } from "../../platform/instance.ts";
import { programsMissing } from "../../programs/index.ts";
import { findPrograms, type Program } from "./kubectl.ts";
import { alone, runTopic, topics } from "./tour.ts";

const program = findPrograms().at(-1);
const skip = program ? (programsMissing("openssl") ?? nodeMissing() ?? false) : "kubectl is not on the PATH";

describe("kubectl's tour", { skip }, () => {
  let instance: Instance;
  before(async () => {
    instance = startInstance();
    await instance.ready();
  });
  after(() => instance[Symbol.asyncDispose]());

  const run = (name: string, tour: (typeof topics)[string]) =>
    test(name, () => runTopic(program as Program, instance.kubeconfig, name, tour));
  describe("at once", { concurrency: true }, () => {
    for (const [name, tour] of Object.entries(topics)) run(name, tour);
  });
  for (const [name, tour] of Object.entries(alone)) run(name, tour);
});

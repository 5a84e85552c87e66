import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  defaultSignature,
  type ModelSignature,
  modelFile,
  type Signature,
  signatureFile,
} from "@capstan/api/kinds/model-signature";
import { ComponentError, defineComponent } from "@capstan/components/contract";
import { tryModel } from "./register/try-model.ts";

/** Most characters of a signature in the Model object. */
const signatureLimit = 100_000;

export const register = defineComponent({
  name: "register",
  version: "1.0.0",
  hasEffects: true,
  stage: "ship",
  title: { en: "Register", zh: "注册模型" },
  docs: {
    en: "Checks that the model runs and makes it a new version of a Model, ready to be served.",
    zh: "检查模型可运行,并注册为 Model 的新版本以供部署。",
  },
  inputs: {
    model: { type: "model", title: { en: "Model", zh: "模型" } },
    report: { type: "report", title: { en: "Evaluation", zh: "评估报告" }, optional: true },
  },
  outputs: { model: { type: "model", title: { en: "Registered model", zh: "已注册模型" } } },
  results: { model: { en: "Name, signature and metrics", zh: "名称、签名与指标" } },
  parameters: {
    name: {
      type: "string",
      maxLength: 53,
      title: { en: "Name", zh: "名称" },
      docs: {
        en: "Of the Model: lower-case letters, digits and dashes.",
        zh: "Model 名称:小写字母、数字和短横线。",
      },
    },
  },
  propagate(_inputs, { name }) {
    const message = "lower-case letters, digits and dashes, beginning and ending with a letter or digit";
    const fits = name === undefined || /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name);
    return {
      outputs: {},
      problems: fits ? [] : [{ path: "name", message: `${JSON.stringify(name)} is no name: ${message}` }],
    };
  },
  async run(context) {
    context.check({});
    const from = context.input("model");
    const document = await readSignature(from);
    const signature = document.signatures[defaultSignature] as Signature;
    await tryModel(join(from, modelFile), signature);
    context.log(`${modelFile} loads and answers; inputs: ${signature.inputs.map(({ name }) => name).join(", ")}`);
    const report = context.optionalInput("report");
    const metrics = report === undefined ? undefined : metricsOf(JSON.parse(await readFile(report, "utf8")));
    await cp(from, context.output("model"), { recursive: true, dereference: true });
    // A signature of thousands of columns is in the model's directory only: whoever serves it reads it there.
    const known = JSON.stringify(document).length <= signatureLimit ? { signature: document } : {};
    await context.emit("model", { name: context.parameters.name, ...known, ...(metrics ? { metrics } : {}) });
  },
});

async function readSignature(directory: string): Promise<ModelSignature> {
  const text = await readFile(join(directory, signatureFile), "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new ComponentError(
      `the model has no ${signatureFile} (${error.code}): take the output of a training component`,
    );
  });
  const document = JSON.parse(text) as ModelSignature;
  if (!document.signatures?.[defaultSignature]) throw new ComponentError(`${signatureFile} has no ${defaultSignature}`);
  return document;
}

/** The numbers of a report, without its curves. */
function metricsOf(report: Record<string, unknown>): Record<string, unknown> {
  const numbers = Object.entries(report).filter(([, value]) => typeof value === "number");
  const classes = Array.isArray(report.classes) ? { classes: report.classes } : {};
  return { ...Object.fromEntries(numbers), ...classes };
}

import { createRequire } from "node:module";
import { ExpressionError } from "../../expressions/index.ts";
import { yamlAsGo } from "../../yaml-as-go.ts";

const require = createRequire(import.meta.url);

/** Reads JSON or YAML; the YAML library is loaded when first needed. @throws ExpressionError that names the field. */
export function readYaml(text: string, field: string): unknown {
  try {
    if (/^\s*[{[]/.test(text)) return parseFlow(text);
    return loadYaml().parse(text, { ...yamlAsGo, maxAliasCount: 100 });
  } catch (error) {
    throw new ExpressionError(`${field} is neither JSON nor YAML: ${(error as Error).message.split("\n")[0]}`);
  }
}

interface Yaml {
  parse(text: string, options: object): unknown;
}
const loadYaml = () => require("yaml") as Yaml;

/** Braces may be JSON, or YAML's flow style. */
function parseFlow(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return loadYaml().parse(text, { ...yamlAsGo, maxAliasCount: 100 });
  }
}

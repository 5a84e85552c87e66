// The command line, in TensorFlow Serving's words. A flag that is not honoured is refused by name.
import { nearest } from "@capstan/base/errors";

export interface Settings {
  modelName: string;
  modelBasePath: string;
  restApiPort: number;
  restApiHost: string;
  restApiTimeoutMs: number;
  maxBodyBytes: number;
  workers: number;
  intraOpThreads: number;
  maxQueuedRequests: number;
}

export class UsageError extends Error {
  override readonly name = "UsageError";
}

const text = (key: keyof Settings) => ({ key, parse: (value: string) => value });
const number = (key: keyof Settings, least: number, most: number) => ({
  key,
  parse: (value: string, flag: string) => {
    const parsed = Number(value);
    if (value !== "" && Number.isInteger(parsed) && parsed >= least && parsed <= most) return parsed;
    throw new UsageError(`--${flag}=${value}: expected an integer from ${least} to ${most}`);
  },
});

const flags = {
  model_name: text("modelName"),
  model_base_path: text("modelBasePath"),
  rest_api_port: number("restApiPort", 0, 65535),
  rest_api_host: text("restApiHost"),
  rest_api_timeout_in_ms: number("restApiTimeoutMs", 1, 3_600_000),
  max_body_bytes: number("maxBodyBytes", 1024, 2 ** 31),
  workers: number("workers", 1, 64),
  tensorflow_intra_op_parallelism: number("intraOpThreads", 1, 256),
  max_queued_requests: number("maxQueuedRequests", 1, 1_000_000),
};
type Flag = keyof typeof flags;

/** Flags that mean "as you are" with these values are taken; anything else would promise what is not there. */
const refused: Record<string, { harmless: string[]; why: string }> = {
  port: { harmless: ["0"], why: "gRPC is not served; leave it out or give --port=0, and use --rest_api_port" },
  model_config_file: { harmless: [""], why: "one model is served, by --model_name and --model_base_path" },
  model_config_file_poll_wait_seconds: { harmless: ["0"], why: "there is no model config file" },
  enable_batching: {
    harmless: ["false", "0"],
    why: "requests are not batched by the server; send several rows in one",
  },
  batching_parameters_file: { harmless: [""], why: "requests are not batched by the server" },
  monitoring_config_file: { harmless: [""], why: "metrics are always at /monitoring/prometheus/metrics" },
  allow_version_labels_for_unavailable_models: { harmless: ["false", "0"], why: "version labels are not supported" },
};

const defaults = {
  modelName: "default",
  restApiPort: 8501,
  restApiHost: "0.0.0.0",
  restApiTimeoutMs: 30_000,
  maxBodyBytes: 64 * 1024 * 1024,
  workers: 1,
  intraOpThreads: 1,
  maxQueuedRequests: 1000,
};

/** Reads `--flag=value` and `--flag value`. Throws UsageError. */
export function parseFlags(argv: readonly string[]): Settings {
  const given: Partial<Record<keyof Settings, string | number>> = {};
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string;
    const match = /^--?([a-z_]+)(?:=(.*))?$/s.exec(argument);
    if (!match) throw new UsageError(`"${argument}": expected --flag=value`);
    const name = match[1] as string;
    let value = match[2];
    if (value === undefined) {
      const next = argv[i + 1];
      if (next !== undefined && !next.startsWith("--")) i++;
      value = next === undefined || next.startsWith("--") ? "true" : next;
    }
    if (Object.hasOwn(flags, name)) {
      const { key, parse } = flags[name as Flag];
      given[key] = parse(value, name);
      continue;
    }
    const refusal = refused[name];
    if (!refusal) {
      const near = nearest(name, [...Object.keys(flags), ...Object.keys(refused)]);
      throw new UsageError(`--${name}: unknown flag${near ? `; did you mean --${near}?` : ""}`);
    }
    if (!refusal.harmless.includes(value)) throw new UsageError(`--${name}=${value}: ${refusal.why}`);
  }
  const settings = { ...defaults, ...given } as Settings;
  if (!settings.modelBasePath) throw new UsageError("--model_base_path is needed: the directory of the model");
  if (!settings.modelBasePath.startsWith("/")) throw new UsageError("--model_base_path must be an absolute path");
  return settings;
}

import { resolve } from "node:path";
import { aborted } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import { parseCidr } from "@capstan/core/runtime";
import { isFailedCommit } from "@capstan/core/store";
import { endAgents } from "../instance/agents.ts";
import { serveControl } from "../instance/control.ts";
import {
  claimDataDirectory,
  type DataDirectory,
  locateDataDirectory,
  lockDataDirectory,
} from "../instance/data-directory.ts";
import { readImageMap } from "../instance/image-map.ts";
import { openLogFile } from "../instance/log-file.ts";
import { proxyModes } from "../platform/network.ts";
import { startPlatform } from "../platform/platform.ts";
import { endpointOf, ownRuntimes, parseRuntime } from "../platform/runtime-flag.ts";
import type { Settings } from "../platform/settings.ts";
import { trimHeap } from "../platform/trim-heap.ts";
import { createProgress } from "../quickstart/progress.ts";
import { welcome } from "../quickstart/welcome.ts";
import { readRecordsFlags, recordsFlags } from "./records-flags.ts";
import { readRegistries } from "./registries.ts";
import { parse, parseNumber, UsageError } from "./usage.ts";

export async function up(args: string[]): Promise<number> {
  const settings = await readSettings(args);
  const { directory } = settings;
  claimDataDirectory(directory);
  using _lock = lockDataDirectory(directory);
  await endAgents(directory.root);
  const log = openLogFile(directory.path("logs", "capstan.log"), "info");
  const stop = new AbortController();
  const progress = createProgress(process.stdout, process.stdout.isTTY === true);
  onSignals(() => {
    if (!stop.signal.aborted) process.stdout.write("\nStopping …\n");
    stop.abort();
  });

  process.on("unhandledRejection", (reason) => {
    if (!isFailedCommit(reason)) throw reason;
  });
  const platform = startPlatform(settings, log, stop.signal);
  const settled = Promise.allSettled([platform.ready]).then(() => {});
  await using _control = await serveControl({
    socket: directory.socket,
    status: platform.status,
    ready: settled,
    stop: () => stop.abort(),
    backup: platform.backup,
  });
  process.stdout.write(`Capstan starts on ${directory.root} (process ${process.pid})\n`);
  let code = 0;
  try {
    const running = await Promise.race([platform.ready, platform.failed]);
    if ("readOnly" in running) process.stderr.write(`\ncapstan: ${running.readOnly}\n${readOnlyHelp(directory)}`);
    else {
      progress.done("all parts are ready");
      await Promise.race([welcome(running, settings, progress, stop.signal), platform.failed]);
      trimHeap();
    }
    await Promise.race([aborted(stop.signal), platform.failed]);
  } catch (error) {
    if (!stop.signal.aborted) {
      code = 1;
      log.error("stopped by an error", { error });
      process.stderr.write(`\ncapstan: ${messageOf(error)}\nThe log is ${directory.path("logs", "capstan.log")}\n`);
    }
  }
  stop.abort();
  await platform.stopped();
  return code;
}

const readOnlyHelp = (directory: DataDirectory) =>
  `The API server only reads, and nothing else runs: KUBECONFIG=${directory.kubeconfig} kubectl get all -A
What is lost stands in ${directory.path("logs", "capstan.log")}
`;

const flags = {
  "data-dir": { type: "string" },
  "api-port": { type: "string", default: "6443" },
  "console-port": { type: "string", default: "7070" },
  "gateway-port": { type: "string", default: "8080" },
  nodes: { type: "string", default: "1" },
  runtime: { type: "string", default: "auto" },
  "proxy-mode": { type: "string", default: "auto" },
  "nodeport-addresses": { type: "string" },
  "node-monitor-grace-period": { type: "string", default: "50" },
  "no-quickstart": { type: "boolean", default: false },
  "image-map": { type: "string" },
  "registry-mirror": { type: "string", multiple: true },
  "insecure-registry": { type: "string", multiple: true },
  "registry-config": { type: "string" },
  "executor-image": { type: "string" },
  "volume-plugin-dir": { type: "string" },
  "pod-manifest-path": { type: "string" },
  ...recordsFlags,
  "audit-log": { type: "string" },
  "audit-policy": { type: "string" },
} as const;

async function readSettings(args: string[]): Promise<Settings> {
  const { values } = parse("up", args, flags);
  const runtime = readRuntime(values.runtime);
  const port = (flag: "api-port" | "console-port" | "gateway-port") =>
    parseNumber("up", `--${flag}`, values[flag], 0, 65_535);
  return {
    directory: locateDataDirectory(values["data-dir"]),
    apiPort: port("api-port"),
    consolePort: port("console-port"),
    gatewayPort: port("gateway-port"),
    nodes: parseNumber("up", "--nodes", values.nodes, 1, 32),
    runtime,
    proxyMode: parseMode(values["proxy-mode"]),
    nodePortRanges: parseRanges(values["nodeport-addresses"]),
    nodeGraceSeconds: parseNumber("up", "--node-monitor-grace-period", values["node-monitor-grace-period"], 15, 3600),
    quickstart: !values["no-quickstart"],
    volumePluginDir: absolute(values["volume-plugin-dir"]),
    manifestDir: absolute(values["pod-manifest-path"]),
    executorImage: values["executor-image"],
    imageMap: values["image-map"] === undefined ? [] : readImageMap(values["image-map"]),
    registries: registriesOf(values, runtime),
    records: readRecordsFlags("up", values),
    ...(await openAudit(values["audit-log"], values["audit-policy"])),
  };
}

const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(path));

function readRuntime(text: string): Settings["runtime"] {
  const runtime = parseRuntime(text);
  if (runtime) return runtime;
  const socket = "cri:unix:///PATH (such as cri:unix:///run/containerd/containerd.sock)";
  throw new UsageError("up", `--runtime ${text}: there are ${[...ownRuntimes, socket].join(", ")}`);
}

const registryFlags = ["registry-mirror", "insecure-registry", "registry-config"] as const;

function registriesOf(
  values: { "registry-mirror"?: string[]; "insecure-registry"?: string[]; "registry-config"?: string },
  runtime: Settings["runtime"],
) {
  const used = registryFlags.find((name) => values[name] !== undefined);
  if (used && endpointOf(runtime) !== undefined)
    throw new UsageError("up", `--${used} is for Capstan's own runtimes: another one has such settings of its own`);
  return readRegistries(values["registry-mirror"], values["insecure-registry"], values["registry-config"]);
}

function parseRanges(text: string | undefined): string[] {
  const ranges = text === undefined ? [] : text.split(",");
  for (const range of ranges) {
    try {
      parseCidr(range);
    } catch (error) {
      throw new UsageError("up", `--nodeport-addresses: ${messageOf(error)}`);
    }
  }
  return ranges;
}

function parseMode(text: string): Settings["proxyMode"] {
  const mode = proxyModes.find((one) => one === text);
  if (!mode) throw new UsageError("up", `--proxy-mode ${text}: there are ${proxyModes.join(", ")}`);
  return mode;
}

async function openAudit(log: string | undefined, policy: string | undefined): Promise<Pick<Settings, "audit">> {
  if (log === undefined) {
    if (policy === undefined) return {};
    throw new UsageError("up", "--audit-policy needs --audit-log FILE, which says where the events go");
  }
  const { openAuditLog, readAuditPolicy } = await import("../instance/audit-log.ts");
  return { audit: { policy: await readAuditPolicy(policy), write: openAuditLog(log) } };
}

/** A second signal this soon (milliseconds) is the first again: a terminal and npm both pass Ctrl-C on. */
const echo = 1000;

/** The first signal stops everything in order; a later one ends the process at once. */
function onSignals(stop: () => void): void {
  let first: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (first !== undefined && Date.now() - first > echo) process.exit(130);
      first ??= Date.now();
      stop();
    });
  }
}

// What each verb may be told in its query. Source: the published API description.

type Parameter = [name: string, type: string];

const pretty: Parameter = ["pretty", "string"];
const selection: Parameter[] = [
  ["continue", "string"],
  ["fieldSelector", "string"],
  ["labelSelector", "string"],
  ["limit", "integer"],
  ["resourceVersion", "string"],
  ["resourceVersionMatch", "string"],
  ["sendInitialEvents", "boolean"],
  ["timeoutSeconds", "integer"],
];
const writing: Parameter[] = [
  ["dryRun", "string"],
  ["fieldManager", "string"],
  ["fieldValidation", "string"],
];
const deleting: Parameter[] = [
  ["dryRun", "string"],
  ["gracePeriodSeconds", "integer"],
  ["ignoreStoreReadErrorWithClusterBreakingPotential", "boolean"],
  ["orphanDependents", "boolean"],
  ["propagationPolicy", "string"],
];
const terminal: Parameter[] = [
  ["container", "string"],
  ["stderr", "boolean"],
  ["stdin", "boolean"],
  ["stdout", "boolean"],
  ["tty", "boolean"],
];

const ofVerb: Record<string, Parameter[]> = {
  get: [],
  list: [["allowWatchBookmarks", "boolean"], ...selection, ["watch", "boolean"]],
  create: writing,
  update: writing,
  patch: [...writing, ["force", "boolean"]],
  delete: deleting,
  deletecollection: [...deleting, ...selection],
  log: [
    ["container", "string"],
    ["follow", "boolean"],
    ["insecureSkipTLSVerifyBackend", "boolean"],
    ["limitBytes", "integer"],
    ["previous", "boolean"],
    ["sinceSeconds", "integer"],
    ["stream", "string"],
    ["tailLines", "integer"],
    ["timestamps", "boolean"],
  ],
};

const ofStream: Record<string, Parameter[]> = {
  attach: terminal,
  exec: [["command", "string"], ...terminal],
  portforward: [["ports", "integer"]],
  proxy: [["path", "string"]],
};

/** @param verb or, where a subresource has parameters of its own, its name. */
export function parametersOf(verb: string, connects: boolean): Parameter[] {
  return connects ? (ofStream[verb] ?? []) : [...(ofVerb[verb] ?? []), pretty];
}

// What is served, told in the aggregated and in the older form.
export { answerDiscovery } from "./answer.ts";
export { compareVersions, type Group, type GroupVersion, groupsOf } from "./groups.ts";
export { subresourceFact } from "./subresource.ts";

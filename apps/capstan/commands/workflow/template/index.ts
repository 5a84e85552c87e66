export { clusterTemplate, template } from "./template.ts";

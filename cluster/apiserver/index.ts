// The embedded kube-apiserver: a Handler over a Store.

export type { FrontProxy } from "./aggregation/index.ts";
export type {
  AdmissionPlugin,
  Attributes,
  Endpoint,
  EndpointCall,
  Extension,
  ExtensionFactory,
  Operation,
  RequestInfo,
  View,
} from "./request.ts";
export { requestInfoOf } from "./request-info.ts";
export { type ApiServer, type ApiServerOptions, createApiServer } from "./server.ts";

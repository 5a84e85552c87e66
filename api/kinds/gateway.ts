// GatewayClass, Gateway, HTTPRoute (gateway.networking.k8s.io/v1) and ReferenceGrant (v1beta1). Contract: Gateway API v1.2.
import type { Condition, LabelSelector } from "../generated/meta-v1.ts";
import type { KubeObject, Resource } from "../meta/index.ts";

export const gatewayGroup = "gateway.networking.k8s.io";
/** The controllerName of the GatewayClasses that Capstan's gateway serves. */
export const gatewayController = "capstan.dev/gateway";
/** The class, and the gateway of it, that the platform makes itself: routes of every namespace may attach. */
export const gatewayClassName = "capstan";
export const defaultGateway = { namespace: "capstan-system", name: "capstan" } as const;

export interface GatewayClass extends KubeObject {
  spec: { controllerName: string; description?: string; parametersRef?: Record<string, unknown> };
  status?: { conditions?: Condition[]; supportedFeatures?: { name: string }[] };
}

export interface Gateway extends KubeObject {
  spec: GatewaySpec;
  status?: GatewayStatus;
}

export interface GatewaySpec {
  gatewayClassName: string;
  listeners: Listener[];
  addresses?: { type?: string; value?: string }[];
  infrastructure?: Record<string, unknown>;
}

export interface Listener {
  name: string;
  hostname?: string;
  port: number;
  protocol: string;
  tls?: { mode?: string; certificateRefs?: { group?: string; kind?: string; name: string; namespace?: string }[] };
  allowedRoutes?: {
    namespaces?: { from?: "All" | "Same" | "Selector" | "None"; selector?: LabelSelector };
    kinds?: RouteGroupKind[];
  };
}

export interface RouteGroupKind {
  group?: string;
  kind: string;
}

export interface GatewayStatus {
  addresses?: { type?: string; value: string }[];
  conditions?: Condition[];
  listeners?: ListenerStatus[];
}

export interface ListenerStatus {
  name: string;
  supportedKinds: RouteGroupKind[];
  attachedRoutes: number;
  conditions: Condition[];
}

export interface HttpRoute extends KubeObject {
  spec: HttpRouteSpec;
  status?: { parents: RouteParentStatus[] };
}

export interface HttpRouteSpec {
  parentRefs?: ParentReference[];
  /** Absent: every host name of the listener. A first label `*` stands for one or more labels. */
  hostnames?: string[];
  rules?: HttpRouteRule[];
}

export interface ParentReference {
  group?: string;
  kind?: string;
  namespace?: string;
  name: string;
  sectionName?: string;
  port?: number;
}

export interface HttpRouteRule {
  name?: string;
  matches?: HttpRouteMatch[];
  filters?: HttpRouteFilter[];
  backendRefs?: HttpBackendRef[];
  /** Durations as in `1m30s`; `0s` is no limit. */
  timeouts?: { request?: string; backendRequest?: string };
  retry?: Record<string, unknown>;
  sessionPersistence?: Record<string, unknown>;
}

export interface HttpRouteMatch {
  path?: { type?: "Exact" | "PathPrefix" | "RegularExpression"; value?: string };
  headers?: NameMatch[];
  queryParams?: NameMatch[];
  method?: string;
}

export interface NameMatch {
  type?: "Exact" | "RegularExpression";
  name: string;
  value: string;
}

export interface HttpRouteFilter {
  type: string;
  requestHeaderModifier?: HeaderModifier;
  responseHeaderModifier?: HeaderModifier;
  requestMirror?: Record<string, unknown>;
  requestRedirect?: RequestRedirect;
  urlRewrite?: UrlRewrite;
  cors?: Record<string, unknown>;
  extensionRef?: Record<string, unknown>;
}

export interface HeaderModifier {
  set?: { name: string; value: string }[];
  add?: { name: string; value: string }[];
  remove?: string[];
}

export interface PathModifier {
  type: "ReplaceFullPath" | "ReplacePrefixMatch";
  replaceFullPath?: string;
  replacePrefixMatch?: string;
}

export interface RequestRedirect {
  scheme?: string;
  hostname?: string;
  path?: PathModifier;
  port?: number;
  statusCode?: number;
}

export interface UrlRewrite {
  hostname?: string;
  path?: PathModifier;
}

export interface HttpBackendRef {
  group?: string;
  kind?: string;
  namespace?: string;
  name: string;
  port?: number;
  /** Share of the requests among a rule's backends. Default 1. */
  weight?: number;
  filters?: HttpRouteFilter[];
}

export interface RouteParentStatus {
  parentRef: ParentReference;
  controllerName: string;
  conditions: Condition[];
}

export interface ReferenceGrant extends KubeObject {
  spec: {
    from: { group: string; kind: string; namespace: string }[];
    to: { group: string; kind: string; name?: string }[];
  };
}

export const GatewayClasses: Resource<GatewayClass> = {
  group: gatewayGroup,
  version: "v1",
  resource: "gatewayclasses",
  kind: "GatewayClass",
  namespaced: false,
};

export const Gateways: Resource<Gateway> = {
  group: gatewayGroup,
  version: "v1",
  resource: "gateways",
  kind: "Gateway",
  namespaced: true,
};

export const HttpRoutes: Resource<HttpRoute> = {
  group: gatewayGroup,
  version: "v1",
  resource: "httproutes",
  kind: "HTTPRoute",
  namespaced: true,
};

export const ReferenceGrants: Resource<ReferenceGrant> = {
  group: gatewayGroup,
  version: "v1beta1",
  resource: "referencegrants",
  kind: "ReferenceGrant",
  namespaced: true,
};

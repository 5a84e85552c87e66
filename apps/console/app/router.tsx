// Every page is a chunk of its own, loaded when first opened.
import type { ComponentType } from "react";
import { createBrowserRouter, Navigate } from "react-router";
import { patientImport } from "./api/patient.ts";
import { LoginPage } from "./pages/login/login-page.tsx";
import { BrokenPage } from "./shell/broken-page.tsx";
import { Layout } from "./shell/layout.tsx";
import { Loading } from "./ui/states.tsx";

/** The component of that name in a module that is loaded when the route is first opened. */
function page<N extends string>(load: () => Promise<Record<N, ComponentType>>, name: N) {
  return async () => ({ Component: (await patientImport(load))[name] });
}

export const router = createBrowserRouter([
  { path: "/login", Component: LoginPage },
  {
    path: "/",
    Component: Layout,
    HydrateFallback: Loading,
    ErrorBoundary: BrokenPage,
    children: [
      { index: true, element: <Navigate to="/workflows" replace /> },
      {
        path: "workflows",
        lazy: page(() => import("./pages/workflows/workflows-page.tsx"), "WorkflowsPage"),
      },
      {
        path: "workflows/:namespace/:name",
        lazy: page(() => import("./pages/workflows/workflow-page.tsx"), "WorkflowPage"),
      },
      { path: "history", lazy: page(() => import("./pages/history/history-page.tsx"), "HistoryPage") },
      {
        path: "history/:namespace/:uid",
        lazy: page(() => import("./pages/history/archived-page.tsx"), "ArchivedPage"),
      },
      { path: "lineage/:namespace", lazy: page(() => import("./pages/history/lineage-page.tsx"), "LineagePage") },
      {
        path: "templates",
        lazy: page(() => import("./pages/templates/templates-page.tsx"), "TemplatesPage"),
      },
      {
        path: "models",
        lazy: page(() => import("./pages/models/models-page.tsx"), "ModelsPage"),
      },
      {
        path: "models/:namespace/:name",
        lazy: page(() => import("./pages/models/model-page.tsx"), "ModelPage"),
      },
      {
        path: "services",
        lazy: page(() => import("./pages/services/services-page.tsx"), "ServicesPage"),
      },
      {
        path: "services/:namespace/:name",
        lazy: page(() => import("./pages/services/service-page.tsx"), "ServicePage"),
      },
      {
        path: "domains",
        lazy: page(() => import("./pages/domains/domains-page.tsx"), "DomainsPage"),
      },
      {
        path: "domains/:name",
        lazy: page(() => import("./pages/domains/domain-page.tsx"), "DomainPage"),
      },
      { path: "pods", lazy: page(() => import("./pages/cluster/pods-page.tsx"), "PodsPage") },
      {
        path: "pods/:namespace/:name",
        lazy: page(() => import("./pages/cluster/pod-page.tsx"), "PodPage"),
      },
      { path: "nodes", lazy: page(() => import("./pages/cluster/nodes-page.tsx"), "NodesPage") },
      {
        path: "events",
        lazy: page(() => import("./pages/cluster/events-page.tsx"), "EventsPage"),
      },
      { path: "*", element: <Navigate to="/workflows" replace /> },
    ],
  },
]);

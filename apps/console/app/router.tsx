// Every page is a chunk of its own, loaded when first opened.
import { createBrowserRouter, Navigate } from "react-router";
import { LoginPage } from "./pages/login/login-page.tsx";
import { BrokenPage } from "./shell/broken-page.tsx";
import { Layout } from "./shell/layout.tsx";
import { Loading } from "./ui/states.tsx";

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
        lazy: async () => ({ Component: (await import("./pages/workflows/workflows-page.tsx")).WorkflowsPage }),
      },
      {
        path: "workflows/:namespace/:name",
        lazy: async () => ({ Component: (await import("./pages/workflows/workflow-page.tsx")).WorkflowPage }),
      },
      {
        path: "templates",
        lazy: async () => ({ Component: (await import("./pages/templates/templates-page.tsx")).TemplatesPage }),
      },
      {
        path: "models",
        lazy: async () => ({ Component: (await import("./pages/models/models-page.tsx")).ModelsPage }),
      },
      {
        path: "models/:namespace/:name",
        lazy: async () => ({ Component: (await import("./pages/models/model-page.tsx")).ModelPage }),
      },
      {
        path: "services",
        lazy: async () => ({ Component: (await import("./pages/services/services-page.tsx")).ServicesPage }),
      },
      {
        path: "services/:namespace/:name",
        lazy: async () => ({ Component: (await import("./pages/services/service-page.tsx")).ServicePage }),
      },
      {
        path: "domains",
        lazy: async () => ({ Component: (await import("./pages/domains/domains-page.tsx")).DomainsPage }),
      },
      {
        path: "domains/:name",
        lazy: async () => ({ Component: (await import("./pages/domains/domain-page.tsx")).DomainPage }),
      },
      { path: "pods", lazy: async () => ({ Component: (await import("./pages/cluster/pods-page.tsx")).PodsPage }) },
      {
        path: "pods/:namespace/:name",
        lazy: async () => ({ Component: (await import("./pages/cluster/pod-page.tsx")).PodPage }),
      },
      { path: "nodes", lazy: async () => ({ Component: (await import("./pages/cluster/nodes-page.tsx")).NodesPage }) },
      {
        path: "events",
        lazy: async () => ({ Component: (await import("./pages/cluster/events-page.tsx")).EventsPage }),
      },
      { path: "*", element: <Navigate to="/workflows" replace /> },
    ],
  },
]);

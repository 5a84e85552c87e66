import {
  ApiOutlined,
  AppstoreOutlined,
  BellOutlined,
  BlockOutlined,
  ClusterOutlined,
  DeploymentUnitOutlined,
  HistoryOutlined,
  NodeIndexOutlined,
  SnippetsOutlined,
} from "@ant-design/icons";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { NavLink } from "react-router";

export const places = [
  { path: "/workflows", name: "workflows", group: "build", icon: <NodeIndexOutlined /> },
  { path: "/history", name: "history", group: "build", icon: <HistoryOutlined /> },
  { path: "/templates", name: "templates", group: "build", icon: <SnippetsOutlined /> },
  { path: "/models", name: "models", group: "build", icon: <DeploymentUnitOutlined /> },
  { path: "/services", name: "services", group: "serve", icon: <ApiOutlined /> },
  { path: "/domains", name: "domains", group: "platform", icon: <AppstoreOutlined /> },
  { path: "/pods", name: "pods", group: "platform", icon: <BlockOutlined /> },
  { path: "/nodes", name: "nodes", group: "platform", icon: <ClusterOutlined /> },
  { path: "/events", name: "events", group: "platform", icon: <BellOutlined /> },
] as const satisfies { path: string; name: string; group: string; icon: ReactNode }[];

const groups = ["build", "serve", "platform"] as const;

export function Navigation({ onLeave }: { onLeave: () => void }) {
  const { t } = useTranslation();
  return (
    <nav className="nav" aria-label={t("app.menu")}>
      {groups.map((group) => (
        <section key={group}>
          <h2>{t(`nav.${group}`)}</h2>
          {places
            .filter((place) => place.group === group)
            .map((place) => (
              <NavLink key={place.path} to={place.path} onClick={onLeave}>
                {place.icon}
                <span>{t(`nav.${place.name}`)}</span>
              </NavLink>
            ))}
        </section>
      ))}
    </nav>
  );
}

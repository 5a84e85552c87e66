import { MenuOutlined, SearchOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Button } from "antd";
import { Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, Navigate, Outlet, useLocation } from "react-router";
import { onSessionLost } from "../api/handler.ts";
import { useSession } from "../api/session.ts";
import { Loading } from "../ui/states.tsx";
import { Brand } from "./brand.tsx";
import { NamespacePicker } from "./namespace-picker.tsx";
import { Navigation } from "./navigation.tsx";
import { Palette } from "./palette.tsx";
import { LanguageSwitch, ThemeSwitch, UserMenu } from "./user-menu.tsx";

/** The frame around every page; only for those who are logged in. */
export function Layout() {
  const session = useSession();
  const location = useLocation();
  const queries = useQueryClient();
  useEffect(() => onSessionLost(() => queries.setQueryData(["session"], null)), [queries]);
  if (session === undefined) return <Loading />;
  if (session === null) {
    return <Navigate to={`/login?next=${encodeURIComponent(location.pathname + location.search)}`} replace />;
  }
  return <Frame />;
}

function Frame() {
  const { t } = useTranslation();
  const [menuOpen, setMenuOpen] = useState(false);
  const [finding, setFinding] = useState(false);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "k" || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      setFinding(true);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  return (
    <div className={menuOpen ? "frame frame-menu" : "frame"}>
      <a className="skip" href="#content">
        {t("app.skip")}
      </a>
      <aside className="side">
        <Link to="/workflows" className="side-brand">
          <Brand />
          Capstan
        </Link>
        <Navigation onLeave={() => setMenuOpen(false)} />
      </aside>
      <header className="top">
        <Button
          type="text"
          className="menu-button"
          icon={<MenuOutlined />}
          aria-label={t("app.menu")}
          aria-expanded={menuOpen}
          onClick={() => setMenuOpen(!menuOpen)}
        />
        <NamespacePicker />
        <Button className="find-button" icon={<SearchOutlined />} onClick={() => setFinding(true)}>
          <span>{t("palette.open")}</span>
          <kbd>Ctrl K</kbd>
        </Button>
        <span className="top-space" />
        <LanguageSwitch />
        <ThemeSwitch />
        <UserMenu />
      </header>
      <Suspense fallback={<Loading />}>
        <Outlet />
      </Suspense>
      <Palette open={finding} onClose={() => setFinding(false)} />
    </div>
  );
}

import { SearchOutlined } from "@ant-design/icons";
import { Input, type InputRef, Tooltip } from "antd";
import { type ReactNode, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Snapshot } from "../api/collection.ts";

export interface PageProps {
  title: ReactNode;
  /** Beside the title: a state, a count. */
  aside?: ReactNode;
  /** Right-hand: what can be done. */
  actions?: ReactNode;
  /** Under the title: filters. */
  toolbar?: ReactNode;
  children: ReactNode;
  /** The content manages its own edges and scrolling. */
  full?: boolean;
  /** Name for the browser's tab. */
  name: string;
}

export function Page({ title, aside, actions, toolbar, children, full, name }: PageProps) {
  useEffect(() => {
    document.title = `${name} · Capstan`;
  }, [name]);
  return (
    <main id="content" className={full ? "page page-full" : "page"} tabIndex={-1}>
      <header className="page-head">
        <h1>{title}</h1>
        <div className="page-aside">{aside}</div>
        <div className="page-actions">{actions}</div>
      </header>
      {toolbar && <div className="toolbar">{toolbar}</div>}
      {children}
    </main>
  );
}

/** A filter by name; `/` anywhere on the page goes to it. */
export function NameFilter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation();
  const input = useRef<InputRef>(null);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "/" || isTyping(event.target)) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  return (
    <Input
      ref={input}
      className="name-filter"
      allowClear
      prefix={<SearchOutlined />}
      suffix={value === "" ? <kbd>/</kbd> : undefined}
      placeholder={t("common.search")}
      aria-label={t("common.search")}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Whether what is shown follows the cluster. */
export function Liveness({ of }: { of: Pick<Snapshot<unknown>, "state" | "error"> }) {
  const { t } = useTranslation();
  if (of.state === "live") {
    return (
      <span className="liveness">
        <i className="pulse" />
        {t("state.live")}
      </span>
    );
  }
  if (of.state !== "stale") return null;
  return (
    <Tooltip title={`${t("state.staleHint")} ${of.error?.message ?? ""}`}>
      <span className="liveness tone-warn">
        <i className="pulse" />
        {t("state.stale")}
      </span>
    </Tooltip>
  );
}

// What a page shows when it has nothing to show: still loading, refused, or truly empty.
import { InboxOutlined, LockOutlined, WarningOutlined } from "@ant-design/icons";
import type { StatusError } from "@capstan/api/meta";
import { Skeleton } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

export function Loading({ rows = 6 }: { rows?: number }) {
  const { t } = useTranslation();
  return (
    <div className="loading" role="status" aria-label={t("state.loading")}>
      <Skeleton active title={false} paragraph={{ rows }} />
    </div>
  );
}

export function Empty({ title, hint, action }: { title: string; hint?: string; action?: ReactNode }) {
  return (
    <div className="notice">
      <InboxOutlined className="notice-icon" />
      <strong>{title}</strong>
      {hint && <p>{hint}</p>}
      {action}
    </div>
  );
}

/** A refusal of the API, with its reason: what people search for and tell others. */
export function Failure({ error }: { error: StatusError }) {
  const { t } = useTranslation();
  const forbidden = error.reason === "Forbidden";
  const title = forbidden
    ? t("state.forbidden")
    : error.reason === "NotFound"
      ? t("state.notServed")
      : t("state.failed");
  return (
    <div className="notice" role="alert">
      {forbidden ? <LockOutlined className="notice-icon" /> : <WarningOutlined className="notice-icon tone-bad" />}
      <strong>{title}</strong>
      <p>{error.message}</p>
      <code>
        {error.code} {error.reason}
      </code>
    </div>
  );
}

export function Missing({ what }: { what: string }) {
  const { t } = useTranslation();
  return <Empty title={t("state.notFound", { what })} hint={t("state.goneHint")} />;
}

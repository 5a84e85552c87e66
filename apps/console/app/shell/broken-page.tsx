import { messageOf } from "@capstan/base/errors";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { useRouteError } from "react-router";

/** In place of a page whose code did not arrive or threw. */
export function BrokenPage() {
  const { t } = useTranslation();
  const error = useRouteError();
  return (
    <main className="page">
      <div className="notice" role="alert">
        <h1>{t("state.broken")}</h1>
        <p>{messageOf(error)}</p>
        <Button type="primary" onClick={() => location.reload()}>
          {t("state.reload")}
        </Button>
      </div>
    </main>
  );
}

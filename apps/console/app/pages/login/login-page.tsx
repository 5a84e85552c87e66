import { useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Form, Input } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation, useNavigate } from "react-router";
import { type LoginError, logIn, type SessionUser } from "../../api/session.ts";
import { Brand } from "../../shell/brand.tsx";
import { LanguageSwitch, ThemeSwitch } from "../../shell/user-menu.tsx";
import { Code } from "../../ui/facts.tsx";

const tokenCommand = "kubectl create token default --namespace quickstart";

// A one-time login is used up by the first attempt: two renders of one visit share it.
const attempts = new Map<string, Promise<SessionUser>>();

export function LoginPage() {
  const { t } = useTranslation();
  const location = useLocation();
  const { finish, failed, setFailed } = useFinish();
  const oneTime = oneTimeToken(location.hash, location.search);

  useEffect(() => {
    if (!oneTime) return;
    const attempt = attempts.get(oneTime) ?? logIn({ oneTime });
    attempts.set(oneTime, attempt);
    attempt.then(finish, setFailed);
  }, [oneTime, finish, setFailed]);

  useEffect(() => {
    document.title = `${t("login.title")} · Capstan`;
  }, [t]);

  return (
    <main className="login">
      <div className="login-tools">
        <LanguageSwitch />
        <ThemeSwitch />
      </div>
      <div className="login-card">
        <div className="login-brand">
          <Brand size={34} />
          <div>
            <h1>{t("login.title")}</h1>
            <p>{t("app.tagline")}</p>
          </div>
        </div>
        {oneTime && !failed ? (
          <p role="status">{t("login.checking")}…</p>
        ) : (
          <TokenForm failed={failed} oneTime={oneTime !== ""} onFinish={finish} onFail={setFailed} />
        )}
      </div>
    </main>
  );
}

interface TokenFormProps {
  failed: LoginError | undefined;
  oneTime: boolean;
  onFinish: (user: SessionUser) => void;
  onFail: (error: LoginError | undefined) => void;
}

function TokenForm({ failed, oneTime, onFinish, onFail }: TokenFormProps) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const submit = async ({ token }: { token: string }) => {
    setBusy(true);
    onFail(undefined);
    await logIn({ bearer: token.trim() }).then(onFinish, onFail);
    setBusy(false);
  };
  const linkFailed = oneTime && failed?.reason === "LoginUsed";
  return (
    <>
      {linkFailed && (
        <Alert type="warning" showIcon title={t("login.oneTimeFailed")} description={t("login.oneTimeHint")} />
      )}
      {linkFailed && <Code>capstan status</Code>}
      {failed && !linkFailed && <Alert type="error" showIcon title={failed.reason} description={failed.message} />}
      <Form layout="vertical" requiredMark={false} onFinish={submit}>
        <Form.Item
          name="token"
          label={t("login.token")}
          extra={t("login.tokenHint")}
          rules={[{ required: true, whitespace: true, message: t("templates.required") }]}
        >
          <Input.Password autoComplete="off" autoFocus className="mono" />
        </Form.Item>
        <Button type="primary" htmlType="submit" block loading={busy}>
          {t("login.submit")}
        </Button>
      </Form>
      <details>
        <summary>{t("login.how")}</summary>
        <Code>{tokenCommand}</Code>
      </details>
    </>
  );
}

/** What a login ends in: the page that was asked for, or the refusal. */
function useFinish() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const location = useLocation();
  const [failed, setFailed] = useState<LoginError>();
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  const [finish] = useState(() => (user: SessionUser) => {
    queries.clear();
    queries.setQueryData(["session"], user);
    // Only a path of this console, never another site's address.
    navigate(/^\/(?![/\\])/.test(next) ? next : "/", { replace: true });
  });
  return { finish, failed, setFailed };
}

/** From `#token=…`, which no server ever sees, or `?token=…`. */
function oneTimeToken(hash: string, search: string): string {
  const inHash = hash.replace(/^#\/?(login\?)?/, "");
  return new URLSearchParams(inHash).get("token") ?? new URLSearchParams(search).get("token") ?? "";
}

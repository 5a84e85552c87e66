import { Namespaces } from "@capstan/api/generated/resources";
import { Select } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "../api/session.ts";
import { useLive } from "../api/use-live.ts";
import { usePreferences } from "../theme/preferences.tsx";

/** Which namespace the lists show. Who may not list namespaces types the name. */
export function NamespacePicker() {
  const { t } = useTranslation();
  const { namespace, setNamespace } = usePreferences();
  const [typed, setTyped] = useState("");
  const session = useSession();
  const live = useLive(Namespaces);
  const mayList = live.state !== "failed";
  const own = ownNamespace(session?.user);
  const known = mayList ? live.items.map((object) => object.metadata.name) : [own, typed];
  // Who sees only a namespace begins in it, not before a refusal.
  useEffect(() => {
    if (!mayList && namespace === "" && own !== "") setNamespace(own);
  }, [mayList, namespace, own, setNamespace]);
  const names = [...new Set([...known, namespace])].filter((name) => name !== "").sort();
  return (
    <Select
      className="namespace-picker"
      variant="filled"
      showSearch={{ onSearch: setTyped }}
      aria-label={t("app.namespace")}
      value={namespace}
      onChange={setNamespace}
      popupMatchSelectWidth={240}
      options={[{ value: "", label: t("app.allNamespaces") }, ...names.map((name) => ({ value: name, label: name }))]}
    />
  );
}

/** The namespace that a ServiceAccount lives in: the first place where it has rights. */
function ownNamespace(user: string | undefined): string {
  return /^system:serviceaccount:([^:]+):/.exec(user ?? "")?.[1] ?? "";
}

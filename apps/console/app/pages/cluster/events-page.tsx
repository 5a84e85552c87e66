import { Events } from "@capstan/api/generated/resources";
import { Checkbox } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLive } from "../../api/use-live.ts";
import { usePreferences } from "../../theme/preferences.tsx";
import { Liveness, NameFilter, Page } from "../../ui/page.tsx";
import { EventList } from "./event-list.tsx";

export function EventsPage() {
  const { t } = useTranslation();
  const { namespace } = usePreferences();
  const [filter, setFilter] = useState("");
  const [warnings, setWarnings] = useState(false);
  const live = useLive(Events, { namespace });
  const shown = live.items.filter(
    (event) => (!warnings || event.type === "Warning") && (event.involvedObject.name ?? "").includes(filter.trim()),
  );
  const clear = () => {
    setFilter("");
    setWarnings(false);
  };
  const toolbar = (
    <>
      <NameFilter value={filter} onChange={setFilter} />
      <Checkbox checked={warnings} onChange={(event) => setWarnings(event.target.checked)}>
        {t("cluster.warningsOnly")}
      </Checkbox>
    </>
  );
  return (
    <Page name={t("cluster.events")} title={t("cluster.events")} aside={<Liveness of={live} />} toolbar={toolbar}>
      <EventList live={live} shown={shown} onClear={clear} />
    </Page>
  );
}

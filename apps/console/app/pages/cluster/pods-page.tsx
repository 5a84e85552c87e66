import type { Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import type { TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLive } from "../../api/use-live.ts";
import { usePreferences } from "../../theme/preferences.tsx";
import { LiveTable, nameColumn, newestFirst } from "../../ui/live-table.tsx";
import { Liveness, NameFilter, Page } from "../../ui/page.tsx";
import { State } from "../../ui/phase.tsx";
import { Empty } from "../../ui/states.tsx";
import { Age } from "../../ui/time.tsx";
import { podState } from "./pod-state.ts";

export const podHref = (pod: { metadata: { namespace?: string; name: string } }) =>
  `/pods/${pod.metadata.namespace}/${pod.metadata.name}`;

export function usePodColumns(): TableColumnsType<Pod> {
  const { t } = useTranslation();
  return [
    nameColumn<Pod>(t("common.name"), podHref),
    { title: t("common.namespace"), render: (_, pod) => pod.metadata.namespace },
    { title: t("common.ready"), render: (_, pod) => <span className="number">{podState(pod).ready}</span> },
    {
      title: t("common.status"),
      render: (_, pod) => {
        const { tone, word } = podState(pod);
        return <State tone={tone}>{word}</State>;
      },
    },
    { title: t("cluster.restarts"), align: "right", render: (_, pod) => podState(pod).restarts },
    { title: t("cluster.ip"), render: (_, pod) => <span className="mono">{pod.status?.podIP ?? "–"}</span> },
    { title: t("cluster.node"), render: (_, pod) => pod.spec?.nodeName ?? "–" },
    { title: t("common.age"), align: "right", render: (_, pod) => <Age since={pod.metadata.creationTimestamp} /> },
  ];
}

export function PodsPage() {
  const { t } = useTranslation();
  const { namespace } = usePreferences();
  const [filter, setFilter] = useState("");
  const live = useLive(Pods, { namespace });
  const columns = usePodColumns();
  const shown = newestFirst(live.items.filter((pod) => pod.metadata.name.includes(filter.trim())));
  return (
    <Page
      name={t("cluster.pods")}
      title={t("cluster.pods")}
      aside={<Liveness of={live} />}
      toolbar={<NameFilter value={filter} onChange={setFilter} />}
    >
      <LiveTable
        live={live}
        shown={shown}
        onClearFilter={() => setFilter("")}
        columns={columns}
        href={podHref}
        empty={<Empty title={t("cluster.emptyPods")} />}
      />
    </Page>
  );
}

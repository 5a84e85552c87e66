import type { Event } from "@capstan/api/generated/core-v1";
import type { TableColumnsType } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { Snapshot } from "../../api/collection.ts";
import { LiveTable } from "../../ui/live-table.tsx";
import { State } from "../../ui/phase.tsx";
import { Empty } from "../../ui/states.tsx";
import { Age } from "../../ui/time.tsx";

const pages: Record<string, string> = {
  Pod: "/pods",
  Workflow: "/workflows",
  Model: "/models",
  InferenceService: "/services",
};

export const eventTime = (event: Event) =>
  event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? "";

export function EventList({ live, shown, onClear }: { live: Snapshot<Event>; shown?: Event[]; onClear?: () => void }) {
  const { t } = useTranslation();
  const sorted = [...(shown ?? live.items)].sort((a, b) => eventTime(b).localeCompare(eventTime(a)));
  const columns: TableColumnsType<Event> = [
    { title: t("cluster.lastSeen"), align: "right", render: (_, event) => <Age since={eventTime(event)} /> },
    {
      title: t("common.type"),
      render: (_, { type }) =>
        type === "Warning" ? (
          <State tone="warn">{t("cluster.warning")}</State>
        ) : (
          <span className="faint">{t("cluster.normal")}</span>
        ),
    },
    { title: t("common.reason"), render: (_, event) => <span className="name">{event.reason}</span> },
    { title: t("cluster.object"), render: (_, event) => <Involved event={event} /> },
    { title: t("common.message"), render: (_, event) => <span className="long">{event.message}</span> },
    { title: t("common.count"), align: "right", render: (_, event) => event.series?.count ?? event.count ?? 1 },
  ];
  return (
    <LiveTable
      live={live}
      shown={sorted}
      columns={columns}
      empty={<Empty title={t("cluster.emptyEvents")} />}
      {...(onClear ? { onClearFilter: onClear } : {})}
    />
  );
}

function Involved({ event }: { event: Event }) {
  const { kind = "", namespace, name = "" } = event.involvedObject;
  const page = pages[kind];
  const text = (
    <>
      <span className="faint">{kind} </span>
      {name}
    </>
  );
  return page && namespace ? <Link to={`${page}/${namespace}/${name}`}>{text}</Link> : text;
}

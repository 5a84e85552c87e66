// The archive: workflows that are over, also those that the cluster no longer has.
import type { ArchivedWorkflow } from "@capstan/api/kinds/records";
import { StatusError } from "@capstan/api/meta";
import { searchArchive } from "@capstan/operators/workflow/history";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Button, Input, Segmented, Table, type TableColumnsType } from "antd";
import { useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { client } from "../../api/client.ts";
import { usePreferences } from "../../theme/preferences.tsx";
import { NameFilter, Page } from "../../ui/page.tsx";
import { Phase } from "../../ui/phase.tsx";
import { Empty, Failure, Loading } from "../../ui/states.tsx";
import { Age, Duration } from "../../ui/time.tsx";
import "./history.css";

const pageSize = 50;
/** Error is a failure that the platform, not the program, caused: one filter for both. */
const phases = { Succeeded: "Succeeded", Failed: "Failed,Error" } as const;

export const archivedHref = ({ metadata }: ArchivedWorkflow) => `/history/${metadata.namespace}/${metadata.name}`;

interface Filter {
  name: string;
  phase: string;
  labels: string;
}

export function HistoryPage() {
  const { t } = useTranslation();
  const [filter, setFilter] = useState<Filter>({ name: "", phase: "", labels: "" });
  const change = (part: Partial<Filter>) => setFilter((old) => ({ ...old, ...part }));
  const toolbar = (
    <>
      <NameFilter value={filter.name} onChange={(name) => change({ name })} />
      <Segmented
        value={filter.phase}
        onChange={(phase) => change({ phase })}
        options={[
          { value: "", label: t("common.all") },
          { value: phases.Succeeded, label: t("workflows.phases.Succeeded") },
          { value: phases.Failed, label: t("workflows.phases.Failed") },
        ]}
      />
      <Input
        className="name-filter"
        allowClear
        placeholder={t("history.labels")}
        aria-label={t("history.labels")}
        value={filter.labels}
        onChange={(event) => change({ labels: event.target.value })}
      />
    </>
  );
  return (
    <Page name={t("history.title")} title={t("history.title")} toolbar={toolbar}>
      <Found filter={filter} onClear={() => setFilter({ name: "", phase: "", labels: "" })} />
    </Page>
  );
}

/** What is typed is asked for when the typing pauses: React defers it while it is busy with the last answer. */
function useArchive(filter: Filter) {
  const { namespace } = usePreferences();
  const { name, phase, labels } = useDeferredValue(filter);
  return useInfiniteQuery({
    queryKey: ["archive", namespace, name, phase, labels],
    placeholderData: keepPreviousData,
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      searchArchive(client, {
        ...(namespace ? { namespace } : {}),
        ...(name.trim() ? { namePattern: `*${name.trim()}*` } : {}),
        ...(phase ? { phase } : {}),
        ...(labels.trim() ? { labelSelector: labels.trim() } : {}),
        ...(pageParam ? { continue: pageParam } : {}),
        limit: pageSize,
      }),
    getNextPageParam: (last) => last.continue,
    retry: false,
  });
}

function Found({ filter, onClear }: { filter: Filter; onClear: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const columns = useColumns();
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useArchive(filter);
  if (error) return <Failure error={StatusError.from(error)} />;
  if (isPending) return <Loading />;
  const found = data.pages.flatMap(({ items }) => items);
  if (found.length === 0) {
    const isFiltered = filter.name !== "" || filter.phase !== "" || filter.labels !== "";
    const clear = <Button onClick={onClear}>{t("state.clearFilter")}</Button>;
    if (isFiltered) return <Empty title={t("state.noMatch")} action={clear} />;
    return <Empty title={t("history.empty")} hint={t("history.emptyHint")} />;
  }
  return (
    <>
      <Table<ArchivedWorkflow>
        size="small"
        className="live-table"
        columns={columns}
        dataSource={found}
        rowKey={({ metadata }) => metadata.name}
        pagination={false}
        scroll={{ x: "max-content" }}
        onRow={(archived) => ({
          className: "row-opens",
          onClick: (event) => {
            if ((event.target as HTMLElement).closest("a") || getSelection()?.toString()) return;
            navigate(archivedHref(archived));
          },
        })}
      />
      {hasNextPage && (
        <Button className="history-more" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("history.more")}
        </Button>
      )}
    </>
  );
}

function useColumns(): TableColumnsType<ArchivedWorkflow> {
  const { t } = useTranslation();
  return [
    {
      title: t("common.name"),
      render: (_, archived) => (
        <Link className="name" to={archivedHref(archived)}>
          {archived.summary.workflow}
        </Link>
      ),
    },
    { title: t("common.namespace"), render: (_, { metadata }) => metadata.namespace },
    { title: t("common.phase"), render: (_, { summary }) => <Phase phase={summary.phase} /> },
    { title: t("workflows.template"), render: (_, { summary }) => summary.template ?? "–" },
    {
      title: t("common.duration"),
      align: "right",
      render: (_, { summary }) => <Duration from={summary.startedAt} to={summary.finishedAt} />,
    },
    { title: t("common.finished"), align: "right", render: (_, { summary }) => <Age since={summary.finishedAt} /> },
    { title: t("common.message"), render: (_, { summary }) => <span className="long soft">{summary.message}</span> },
  ];
}

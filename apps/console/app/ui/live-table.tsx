import { type KubeObject, keyOf, refOf } from "@capstan/api/meta";
import { Button, Table, type TableColumnsType } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import type { Snapshot } from "../api/collection.ts";
import { Empty, Failure, Loading } from "./states.tsx";

export interface LiveTableProps<T extends KubeObject> {
  live: Snapshot<T>;
  /** What is left after the page's filters; all when absent. */
  shown?: T[];
  onClearFilter?: () => void;
  columns: TableColumnsType<T>;
  empty: ReactNode;
  /** Where a row leads. */
  href?: (object: T) => string;
  onOpen?: (object: T) => void;
}

const pageSize = 100;

/** A list of live objects with its four states: loading, refused, empty, filtered to nothing. */
export function LiveTable<T extends KubeObject>(props: LiveTableProps<T>) {
  const { live, shown = live.items, columns, empty, href, onOpen, onClearFilter } = props;
  const { t } = useTranslation();
  const navigate = useNavigate();
  if (live.state === "failed" && live.error) return <Failure error={live.error} />;
  if (live.state === "loading") return <Loading />;
  if (live.items.length === 0) return live.state === "stale" && live.error ? <Failure error={live.error} /> : empty;
  if (shown.length === 0) {
    const clear = onClearFilter && <Button onClick={onClearFilter}>{t("state.clearFilter")}</Button>;
    return <Empty title={t("state.noMatch")} action={clear} />;
  }
  const open = href ? (object: T) => navigate(href(object)) : onOpen;
  return (
    <Table<T>
      size="small"
      className="live-table"
      columns={columns}
      dataSource={shown}
      rowKey={(object) => object.metadata.uid ?? keyOf(refOf(object))}
      pagination={shown.length > pageSize ? { pageSize, showSizeChanger: false, size: "small" } : false}
      showSorterTooltip={false}
      scroll={{ x: "max-content" }}
      onRow={(object) => ({
        className: open ? "row-opens" : "",
        onClick: (event) => {
          // A click on a link or button in the row, or one that ends a text selection, is not for the row.
          if ((event.target as HTMLElement).closest("a,button,input") || getSelection()?.toString()) return;
          open?.(object);
        },
      })}
    />
  );
}

/** The column that names an object and leads to it. */
export function nameColumn<T extends KubeObject>(
  title: string,
  href: (object: T) => string,
): TableColumnsType<T>[number] {
  return {
    title,
    key: "name",
    sorter: (a, b) => a.metadata.name.localeCompare(b.metadata.name),
    render: (_, object) => (
      <Link className="name" to={href(object)}>
        {object.metadata.name}
      </Link>
    ),
  };
}

/** Newest first, as people look for what they have just made. */
export function newestFirst<T extends KubeObject>(objects: readonly T[]): T[] {
  const time = (object: T) => object.metadata.creationTimestamp ?? "";
  return [...objects].sort((a, b) => time(b).localeCompare(time(a)) || a.metadata.name.localeCompare(b.metadata.name));
}

export function byName<T extends KubeObject>(objects: readonly T[]): T[] {
  return [...objects].sort((a, b) => keyOf(refOf(a)).localeCompare(keyOf(refOf(b))));
}

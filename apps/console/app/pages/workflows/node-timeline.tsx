import type { NodeStatus } from "@capstan/api/kinds/workflow";
import { useTranslation } from "react-i18next";
import { Phase, toneOf } from "../../ui/phase.tsx";
import { Duration, useNow } from "../../ui/time.tsx";
import { isStep, labelOf, type NodeMap } from "./node-map.ts";

export interface NodeTimelineProps {
  nodes: NodeMap;
  selected: string | undefined;
  onSelect: (id: string) => void;
}

/** Steps in the order in which they began, each a bar on one clock: where the time went. */
export function NodeTimeline({ nodes, selected, onSelect }: NodeTimelineProps) {
  const { t } = useTranslation();
  const now = useNow();
  const steps = Object.values(nodes).filter(isStep);
  steps.sort((a, b) => (a.startedAt ?? "~").localeCompare(b.startedAt ?? "~") || a.name.localeCompare(b.name));
  const starts = steps.flatMap((node) => (node.startedAt ? [Date.parse(node.startedAt)] : []));
  const ends = steps.map((node) => (node.finishedAt ? Date.parse(node.finishedAt) : node.startedAt ? now : 0));
  const from = Math.min(...starts);
  const span = Math.max(1000, Math.max(...ends) - from);
  return (
    <div className="timeline">
      <table>
        <thead>
          <tr>
            <th>{t("common.name")}</th>
            <th>{t("common.phase")}</th>
            <th>{t("workflows.template")}</th>
            <th>{t("common.duration")}</th>
            <th style={{ width: "38%" }}>
              {t("common.started")} → {t("common.finished")}
            </th>
          </tr>
        </thead>
        <tbody>
          {steps.map((node) => (
            <tr key={node.id} data-selected={node.id === selected}>
              <td>
                <button type="button" className="link name" onClick={() => onSelect(node.id)}>
                  {labelOf(node)}
                </button>
              </td>
              <td>
                <Phase phase={node.phase} />
              </td>
              <td className="soft">{node.templateRef?.template ?? node.templateName}</td>
              <td>
                <Duration from={node.startedAt} to={node.finishedAt} />
              </td>
              <td>
                <Track node={node} from={from} span={span} now={now} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Track({ node, from, span, now }: { node: NodeStatus; from: number; span: number; now: number }) {
  if (!node.startedAt) return <div className="timeline-track" />;
  const start = Date.parse(node.startedAt);
  const end = node.finishedAt ? Date.parse(node.finishedAt) : now;
  const percent = (ms: number) => `${Math.max(0, (ms / span) * 100)}%`;
  return (
    <div className={`timeline-track tone-${toneOf(node.phase ?? "")}`}>
      <i style={{ left: percent(start - from), width: percent(end - start) }} />
    </div>
  );
}

import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { usePreferences } from "../../../theme/preferences.tsx";
import { Chart } from "./chart.tsx";

export interface ConfusionMatrixProps {
  labels: string[];
  counts: number[][];
}

const cellHeight = 40;
const margin = { left: 12, right: 4, top: 30, bottom: 4 };

/** Rows are what was, columns what was predicted; shade is the share of the row. */
export function ConfusionMatrix({ labels, counts }: ConfusionMatrixProps) {
  const { t } = useTranslation();
  const { palette, isDark } = usePreferences();
  const option = useMemo(() => {
    const axis = {
      type: "category",
      data: labels,
      axisLine: { show: false },
      axisTick: { show: false },
      nameTextStyle: { color: palette.textFaint, fontSize: 11 },
      axisLabel: { color: palette.textSoft, fontSize: 11, interval: 0, overflow: "truncate", width: 76 },
    };
    const cells = counts.flatMap((row, actual) => {
      const total = row.reduce((sum, count) => sum + count, 0);
      return row.map((count, predicted) => {
        const share = total === 0 ? 0 : count / total;
        const label = { color: share > 0.45 ? (isDark ? "#06231d" : "#ffffff") : palette.text };
        return { value: [predicted, actual, share, count], label };
      });
    });
    return {
      grid: { ...margin, containLabel: true },
      xAxis: { ...axis, position: "top", name: t("report.predicted"), nameLocation: "middle", nameGap: 24 },
      yAxis: {
        ...axis,
        inverse: true,
        name: t("report.actual"),
        nameLocation: "start",
        nameGap: 10,
        nameTextStyle: { ...axis.nameTextStyle, align: "right", padding: [0, 8, 0, 0] },
      },
      visualMap: { show: false, min: 0, max: 1, dimension: 2, inRange: { color: [palette.sunken, palette.brand] } },
      tooltip: {
        renderMode: "richText",
        backgroundColor: palette.raised,
        borderColor: palette.lineStrong,
        textStyle: { color: palette.text, fontSize: 12 },
        formatter: ({ value: [predicted, actual, share, count] }: { value: [number, number, number, number] }) =>
          `${labels[actual]} → ${labels[predicted]}\n${count} · ${t("report.share", { percent: percent(share), label: labels[actual] ?? "" })}`,
      },
      series: [
        {
          type: "heatmap",
          data: cells,
          label: {
            show: true,
            fontSize: 13,
            fontWeight: 600,
            formatter: ({ value }: { value: number[] }) => String(value[3]),
          },
          itemStyle: { borderColor: palette.raised, borderWidth: 2 },
          emphasis: { itemStyle: { borderColor: palette.text } },
        },
      ],
    };
  }, [labels, counts, palette, isDark, t]);
  return <Chart option={option} height={60 + labels.length * cellHeight} label={describe(labels, counts)} />;
}

function describe(labels: string[], counts: number[][]): string {
  const rows = labels.map(
    (label, row) => `${label}: ${labels.map((to, column) => `${to} ${counts[row]?.[column]}`).join(", ")}`,
  );
  return rows.join("; ");
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

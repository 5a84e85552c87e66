import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { series } from "../../../theme/palette.ts";
import { usePreferences } from "../../../theme/preferences.tsx";
import { Chart } from "./chart.tsx";
import type { RocCurve } from "./read-report.ts";

/** How many true positives are had for how many false ones; the diagonal is guessing. */
export function RocCurves({ curves }: { curves: RocCurve[] }) {
  const { t } = useTranslation();
  const { palette, isDark } = usePreferences();
  const option = useMemo(() => {
    const axis = {
      type: "value",
      min: 0,
      max: 1,
      interval: 0.25,
      nameLocation: "middle",
      nameTextStyle: { color: palette.textFaint, fontSize: 11 },
      axisLabel: { color: palette.textFaint, fontSize: 11 },
      splitLine: { lineStyle: { color: palette.line } },
    };
    const name = ({ label, auc }: RocCurve) => (auc === undefined ? label : `${label}  ${auc.toFixed(3)}`);
    return {
      color: isDark ? series.dark : series.light,
      grid: { left: 20, right: 12, top: 8, bottom: 22 + 20 * Math.ceil(curves.length / 2), containLabel: true },
      legend: {
        bottom: 0,
        icon: "roundRect",
        itemHeight: 3,
        itemWidth: 14,
        textStyle: { color: palette.textSoft, fontSize: 11 },
      },
      tooltip: { show: false },
      xAxis: { ...axis, name: t("report.falsePositive"), nameGap: 24 },
      yAxis: { ...axis, name: t("report.truePositive"), nameGap: 34 },
      series: [
        ...curves.map((curve) => ({
          type: "line",
          name: name(curve),
          data: curve.points,
          showSymbol: false,
          lineStyle: { width: 2 },
          z: 3,
        })),
        {
          type: "line",
          data: [
            [0, 0],
            [1, 1],
          ],
          showSymbol: false,
          silent: true,
          lineStyle: { width: 1, type: "dashed", color: palette.lineStrong },
        },
      ],
    };
  }, [curves, palette, isDark, t]);
  const label = curves.map(({ label, auc }) => `${label}: AUC ${auc?.toFixed(3) ?? "–"}`).join("; ");
  return <Chart option={option} height={260} label={label} />;
}

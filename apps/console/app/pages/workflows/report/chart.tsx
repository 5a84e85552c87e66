// The part of ECharts that the console draws with, loaded with the first chart.
import { HeatmapChart, LineChart } from "echarts/charts";
import {
  AriaComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import { type EChartsCoreOption, init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { sans } from "../../../theme/antd-theme.ts";

use([
  HeatmapChart,
  LineChart,
  AriaComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  VisualMapComponent,
  SVGRenderer,
]);

export interface ChartProps {
  option: EChartsCoreOption;
  height: number;
  /** What the chart shows, for those who do not see it. */
  label: string;
}

export function Chart({ option, height, label }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ReturnType<typeof init>>(undefined);
  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const made = init(element, undefined, { renderer: "svg" });
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.dispose();
    };
  }, []);
  useEffect(
    () => chart.current?.setOption({ animation: false, textStyle: { fontFamily: sans }, ...option }, true),
    [option],
  );
  return <div ref={box} className="chart" style={{ height }} role="img" aria-label={label} />;
}

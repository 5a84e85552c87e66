import { useTranslation } from "react-i18next";
import type { Headline, Report } from "./read-report.ts";

/** The few numbers that say how good a model is. */
export function Headlines({ report }: { report: Pick<Report, "headline"> }) {
  const { t } = useTranslation();
  const show = (name: Headline, value: number) =>
    name === "accuracy" ? `${(value * 100).toFixed(1)}%` : value.toPrecision(3);
  return (
    <dl className="metrics">
      {report.headline.map(([name, value]) => (
        <div key={name}>
          <dt>{t(`report.${name}`)}</dt>
          <dd>{show(name, value)}</dd>
        </div>
      ))}
    </dl>
  );
}

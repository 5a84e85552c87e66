import { useTranslation } from "react-i18next";
import { formatHeadline, type Report } from "./read-report.ts";

/** The few numbers that say how good a model is. */
export function Headlines({ report }: { report: Pick<Report, "headline"> }) {
  const { t } = useTranslation();
  return (
    <dl className="metrics">
      {report.headline.map(([name, value]) => (
        <div key={name}>
          <dt>{t(`report.${name}`)}</dt>
          <dd>{formatHeadline(name, value)}</dd>
        </div>
      ))}
    </dl>
  );
}

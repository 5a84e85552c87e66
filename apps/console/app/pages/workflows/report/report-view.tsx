import { useTranslation } from "react-i18next";
import { Section } from "../../../ui/facts.tsx";
import { ConfusionMatrix } from "./confusion-matrix.tsx";
import { Headlines } from "./headlines.tsx";
import type { ClassMetrics, Report } from "./read-report.ts";
import { RocCurves } from "./roc-curves.tsx";

/** @param brief headline and confusion matrix alone. */
export function ReportView({ report, brief }: { report: Report; brief?: boolean }) {
  const { t } = useTranslation();
  return (
    <>
      <Headlines report={report} />
      {report.confusion && (
        <Section
          title={t("report.confusion")}
          aside={report.rows !== undefined && t("report.heldOut", { rows: report.rows })}
        >
          <ConfusionMatrix {...report.confusion} />
        </Section>
      )}
      {!brief && report.classes.length > 0 && <PerClass classes={report.classes} />}
      {!brief && report.roc.length > 0 && (
        <Section title={t("report.roc")}>
          <RocCurves curves={report.roc} />
        </Section>
      )}
    </>
  );
}

function PerClass({ classes }: { classes: ClassMetrics[] }) {
  const { t } = useTranslation();
  return (
    <Section title={t("report.perClass")}>
      <table className="plain-table per-class">
        <thead>
          <tr>
            <th>{t("report.class")}</th>
            <th>{t("report.precision")}</th>
            <th>{t("report.recall")}</th>
            <th>{t("report.f1")}</th>
            <th className="right">{t("report.support")}</th>
          </tr>
        </thead>
        <tbody>
          {classes.map((row) => (
            <tr key={row.label}>
              <td className="name">{row.label}</td>
              <Score value={row.precision} />
              <Score value={row.recall} />
              <Score value={row.f1} />
              <td className="right number">{row.support}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function Score({ value }: { value: number }) {
  return (
    <td>
      <span className="number">{value.toFixed(3)}</span>
      <div className="bar">
        <i style={{ width: `${value * 100}%` }} />
      </div>
    </td>
  );
}

import { useTranslation } from "react-i18next";

const units = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];

/** A number of bytes in three digits: 1536 → "1.5Ki". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)}${units[unit]}`;
}

const plain = (value: number) => String(Math.round(value * 100) / 100);

/** How much of a limit is used: the numbers, and a bar. `hard` 0 or absent is no limit. */
export function Share({ used, hard, unit }: { used: number; hard: number | undefined; unit: "plain" | "bytes" }) {
  const { t } = useTranslation();
  const format = unit === "bytes" ? formatBytes : plain;
  if (!hard) return <span className="number">{format(used)}</span>;
  const percent = Math.min(100, (used / hard) * 100);
  return (
    <div className={percent > 90 ? "share share-full" : "share"}>
      <span className="number">{t("common.used", { used: format(used), hard: format(hard) })}</span>
      <div className="bar">
        <i style={{ width: `${percent}%` }} />
      </div>
    </div>
  );
}

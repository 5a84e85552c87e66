import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Log } from "../api/log.ts";

export interface LogLinesProps {
  log: Log;
  find: string;
  wrap: boolean;
  /** Why there is no log yet. */
  waiting?: string;
}

/** Lines that stay at their end while the reader does, and stop moving as soon as he scrolls up. */
export function LogLines({ log, find, wrap, waiting }: LogLinesProps) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const wanted = find.trim().toLowerCase();
  const lines = log.lines.map((text, index) => ({ text, number: log.dropped + index + 1 }));
  const shown = wanted === "" ? lines : lines.filter((line) => line.text.toLowerCase().includes(wanted));

  useEffect(() => {
    if (atEnd && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [atEnd, log.lines, wrap]);

  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current as HTMLDivElement;
    setAtEnd(scrollHeight - scrollTop - clientHeight < 24);
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <div ref={box} className={wrap ? "log log-wrap" : "log"} role="log" tabIndex={0} onScroll={scrolled}>
      {waiting && <p className="log-note">{waiting}</p>}
      {log.dropped > 0 && <p className="log-note">{t("node.logsCut", { count: log.dropped })}</p>}
      {shown.map((line) => (
        <div key={line.number} className={severity(line.text)}>
          <span className="log-number">{line.number}</span>
          <span>{line.text}</span>
        </div>
      ))}
      {log.error && <p className="log-note tone-bad">{log.error.message}</p>}
      {log.ended && <p className="log-note">{log.lines.length === 0 ? t("node.noLogs") : t("node.logsEnded")}</p>}
    </div>
  );
}

function severity(line: string): string | undefined {
  if (/\b(error|fatal|panic|exception|traceback)\b/i.test(line)) return "log-error";
  if (/\bwarn(ing)?\b/i.test(line)) return "log-warn";
  return undefined;
}

// Metrics in Prometheus' text format, version 0.0.4.

export type Labels = Record<string, string>;

interface Family {
  help: string;
  type: "counter" | "gauge";
  lines: string[];
}

/** Collects samples; text() gives them by family, in the order in which those came up. */
export class Exposition {
  readonly #families = new Map<string, Family>();

  counter(name: string, help: string, labels: Labels, value: number | undefined, time?: Date): void {
    this.#add("counter", name, help, labels, value, time);
  }

  gauge(name: string, help: string, labels: Labels, value: number | undefined, time?: Date): void {
    this.#add("gauge", name, help, labels, value, time);
  }

  text(): string {
    return [...this.#families]
      .map(([name, { help, type, lines }]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`)
      .join("");
  }

  /** What is not known is left out. */
  #add(type: Family["type"], name: string, help: string, labels: Labels, value: number | undefined, time?: Date): void {
    if (value === undefined) return;
    const family = this.#families.get(name) ?? { help, type, lines: [] };
    this.#families.set(name, family);
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${quoted(text)}"`);
    const stamp = time ? ` ${time.getTime()}` : "";
    family.lines.push(`${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}${stamp}\n`);
  }
}

const quoted = (text: string) => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

// Lines that meet become one sign.
const [up, down, left, right] = [1, 2, 4, 8] as const;
export const sides = { up, down, left, right };

/** By the sides to which a cell's lines lead. What crosses without meeting shows the upright one. */
const signs: Record<number, string> = {
  [up | down]: "│",
  [left | right]: "─",
  [up]: "│",
  [down]: "│",
  [left]: "─",
  [right]: "─",
  [down | right]: "╭",
  [down | left]: "╮",
  [up | right]: "╰",
  [up | left]: "╯",
  [up | down | right]: "├",
  [up | down | left]: "┤",
  [down | left | right]: "┬",
  [up | left | right]: "┴",
  [up | down | left | right]: "┼",
};

/** Text and lines on a grid of cells. */
export class Canvas {
  readonly #text = new Map<string, string>();
  readonly #lines = new Map<string, number>();
  #width = 0;
  #height = 0;

  write(x: number, y: number, text: string): void {
    for (const [i, letter] of [...text].entries()) {
      this.#text.set(`${x + i},${y}`, letter);
      this.#grow(x + i, y);
    }
  }

  line(x: number, y: number, to: number): void {
    this.#lines.set(`${x},${y}`, (this.#lines.get(`${x},${y}`) ?? 0) | to);
    this.#grow(x, y);
  }

  /** From one row to another, to both ends' outside. */
  upright(x: number, from: number, to: number): void {
    for (let y = from; y <= to; y++) this.line(x, y, up | down);
  }

  box(x: number, y: number, width: number, rows: string[]): void {
    const end = x + width - 1;
    for (let i = x; i <= end; i++) {
      for (const row of [y, y + rows.length + 1]) this.line(i, row, (i > x ? left : 0) | (i < end ? right : 0));
    }
    for (const [index, row] of rows.entries()) {
      this.line(x, y + index + 1, up | down);
      this.line(end, y + index + 1, up | down);
      this.write(x + 2, y + index + 1, row);
    }
    for (const corner of [x, end]) {
      this.line(corner, y, down);
      this.line(corner, y + rows.length + 1, up);
    }
  }

  toLines(): string[] {
    return Array.from({ length: this.#height }, (_, y) =>
      Array.from({ length: this.#width }, (_, x) => {
        const key = `${x},${y}`;
        return this.#text.get(key) ?? signs[this.#lines.get(key) ?? 0] ?? " ";
      })
        .join("")
        .trimEnd(),
    );
  }

  #grow(x: number, y: number): void {
    this.#width = Math.max(this.#width, x + 1);
    this.#height = Math.max(this.#height, y + 1);
  }
}

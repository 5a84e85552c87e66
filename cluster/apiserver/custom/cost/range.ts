/** From the least to the most: of a size, or of a cost. */
export interface Range {
  min: number;
  max: number;
}

/** Sums and products end here, as they do in 64 bits. */
const most = 2 ** 64;
const capped = (value: number) => Math.min(value, most);

export const exactly = (value: number): Range => ({ min: value, max: value });
export const unknownSize: Range = { min: 0, max: most };

export const add = (...ranges: Range[]): Range => ({
  min: capped(ranges.reduce((sum, { min }) => sum + min, 0)),
  max: capped(ranges.reduce((sum, { max }) => sum + max, 0)),
});

export const multiply = (a: Range, b: Range): Range => ({ min: capped(a.min * b.min), max: capped(a.max * b.max) });

/** Times a factor, rounded up. */
export const scale = ({ min, max }: Range, factor: number): Range => ({
  min: capped(Math.ceil(min * factor)),
  max: capped(Math.ceil(max * factor)),
});

export const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });

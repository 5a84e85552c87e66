// Colours by what they mean. Greys carry the page; a hue always says something about state.
export interface Palette {
  page: string;
  raised: string;
  sunken: string;
  hover: string;
  line: string;
  lineStrong: string;
  text: string;
  textSoft: string;
  textFaint: string;
  /** Filled primary buttons, and the text on them. */
  ink: string;
  onInk: string;
  brand: string;
  good: string;
  busy: string;
  warn: string;
  bad: string;
  idle: string;
}

export const light: Palette = {
  page: "#ffffff",
  raised: "#ffffff",
  sunken: "#f6f7f8",
  hover: "#eff1f3",
  line: "#e3e6e9",
  lineStrong: "#c9ced4",
  text: "#14181b",
  textSoft: "#4d565f",
  textFaint: "#5f6973",
  ink: "#171c20",
  onInk: "#ffffff",
  brand: "#08705f",
  good: "#1f7a42",
  busy: "#1a66c2",
  warn: "#9a5b00",
  bad: "#c22f2f",
  idle: "#5f6973",
};

export const dark: Palette = {
  page: "#0d1012",
  raised: "#14181b",
  sunken: "#101417",
  hover: "#1a2024",
  line: "#232a2f",
  lineStrong: "#38424a",
  text: "#e6e9eb",
  textSoft: "#a9b3bb",
  textFaint: "#87929b",
  ink: "#e6e9eb",
  onInk: "#0d1012",
  brand: "#3ecfb2",
  good: "#4cc38a",
  busy: "#5ea8f7",
  warn: "#e2a336",
  bad: "#f2706b",
  idle: "#87929b",
};

/** Series of a chart, in order: told apart by lightness too, not by hue alone. */
export const series = {
  light: ["#08705f", "#1a66c2", "#b4620a", "#7a3fb0", "#b02a5b", "#5d6b12", "#0a7a9c", "#6b4b2a"],
  dark: ["#3ecfb2", "#5ea8f7", "#f0a94a", "#b98af0", "#f27ba5", "#b5c94a", "#58c7e8", "#c9a27a"],
};

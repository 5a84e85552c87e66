export const limits = {
  milliseconds: 5000,
  /** Characters of the document, and of what is made of it. */
  input: 16 * 1024 * 1024,
  output: 1024 * 1024,
  /** Memory of jq, in pages of 64 KiB. */
  pages: 4096,
};

export interface Question {
  filter: string;
  input: string;
}
export interface Answer {
  output?: string;
  error?: string;
}

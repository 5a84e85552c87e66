// The commands of images, for steps whose templates say none.
export { completePod, type FindCommand, type ImageCommand } from "./complete.ts";
export { type CommandFinderOptions, createCommandFinder } from "./finder.ts";

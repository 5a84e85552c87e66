// Repositories of git, as stores that hand out one thing: a checkout.
export { openGit } from "./git-store.ts";

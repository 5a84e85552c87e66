export { answer, type Peer, sameAnswer } from "./answers.ts";
export { dataOf } from "./hand-made.ts";

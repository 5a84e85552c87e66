// Who made what a step read: the same content may have been made several times.

interface Artifact {
  artifact: string;
  location: string;
}
interface Step {
  uid: string;
  node: string;
  finishedAt: string;
  reused: boolean;
  outputs: readonly Artifact[];
}

/**
 * Of the steps that made the content of an input: those that put it where it was read, of the reader's own workflow first;
 * else those of its workflow that ended before it; else those that did the work.
 */
export function makersOf<S extends Step>(reader: Omit<Step, "outputs">, input: Artifact, steps: readonly S[]): S[] {
  const isOwn = ({ uid }: Step) => uid === reader.uid;
  const putThere = ({ outputs }: Step) => outputs.some(({ location }) => location === input.location);
  const makers = steps.filter(
    ({ uid, node, outputs }) =>
      !(uid === reader.uid && node === reader.node) && outputs.some(({ artifact }) => artifact === input.artifact),
  );
  const choices: ((step: S) => boolean)[] = [
    (step) => isOwn(step) && putThere(step),
    (step) => !step.reused && putThere(step),
    (step) => isOwn(step) && step.finishedAt <= reader.finishedAt,
    ({ reused }) => !reused,
    () => true,
  ];
  for (const choice of choices) {
    const chosen = makers.filter(choice);
    if (chosen.length > 0) return chosen;
  }
  return [];
}

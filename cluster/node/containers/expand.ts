/**
 * Replaces `$(NAME)` by the variable's value; unknown names stay as they are, `$$` stands for one `$`.
 * Source: k8s.io/kubernetes third_party/forked/golang/expansion.
 */
export function expand(text: string, value: (name: string) => string | undefined): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, rest: string, name: string) => {
    if (rest === "$") return "$";
    return value(name) ?? whole;
  });
}

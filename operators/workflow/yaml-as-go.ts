// YAML as Go's parser takes it, for which users of Argo and kubectl write: 0755 is octal, `yes` is true.
import type { DocumentOptions, ParseOptions, ScalarTag, SchemaOptions, Tags } from "yaml";

const tagOf = (name: string) => `tag:yaml.org,2002:${name}`;

/**
 * Source: gopkg.in/yaml.v2, resolve.go. It knows neither minutes with colons nor, in untyped values, times. A lone `y` or
 * `n`, there a truth value, stays the letter here: nobody means anything else.
 */
export const yamlAsGo: ParseOptions & DocumentOptions & SchemaOptions = {
  version: "1.1",
  // Of a key that is there twice the last counts.
  uniqueKeys: false,
  customTags: (tags: Tags): Tags =>
    tags.flatMap((tag): Tags => {
      if (typeof tag !== "object") return [tag];
      const { tag: name, format, test } = tag as ScalarTag;
      if (format === "TIME" || name === tagOf("timestamp")) return [];
      if (name !== tagOf("bool") || !test) return [tag];
      const letters = test.test("yes")
        ? /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/
        : /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/;
      return [{ ...tag, test: letters } as ScalarTag];
    }),
};

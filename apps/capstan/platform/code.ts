/** Where Capstan's own code is: the repository's root, with a trailing slash. */
export const codeDirectory = new URL("../../../", import.meta.url).pathname;

// The server's policy takes style elements with the page's nonce alone. The kit gives it to most of its own; helpers that
// measure scroll bars do not, so every style element that a script makes carries it. Markup can not make one this way.

export const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";

const create = document.createElement;

document.createElement = function createWithNonce(this: Document, name: string, options?: ElementCreationOptions) {
  const element = create.call(this, name, options);
  if (element instanceof HTMLStyleElement) element.nonce = nonce;
  return element;
} as typeof document.createElement;

/** The certificate library takes 0.1 s to load, and most starts make no certificate. */
export async function library() {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

export type Library = Awaited<ReturnType<typeof library>>;

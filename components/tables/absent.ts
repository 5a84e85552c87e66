/** The value, or undefined where the file that it is about is not there. */
export async function orAbsent<T>(about: Promise<T>): Promise<T | undefined> {
  try {
    return await about;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"].includes(code)) return undefined;
    throw error;
  }
}

/** The same keys with any texts: what a translation has to give, no more and no less. */
export type Translated<T> = { [K in keyof T]: T[K] extends string ? string : Translated<T[K]> };

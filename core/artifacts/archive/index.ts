// Archives of artifacts, packed and unpacked without trust in their content.
export { detect } from "./detect.ts";
export { unpackLimits, untar } from "./tar-read.ts";
export { tarOf } from "./tar-write.ts";
export { openRegular, walkTree } from "./tree.ts";
export { unzip } from "./unzip.ts";
export { zipOf } from "./zip.ts";

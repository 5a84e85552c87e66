// Buckets: S3, and Google's and Alibaba's by their S3 interfaces.
export { openGcs } from "./gcs.ts";
export { openOss } from "./oss.ts";
export { openS3 } from "./s3.ts";

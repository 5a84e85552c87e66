// HDFS, by WebHDFS. Source: Hadoop 3.4, "WebHDFS REST API".
export { openHdfs } from "./hdfs.ts";

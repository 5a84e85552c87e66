const octet = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const ipv4 = new RegExp(`^${octet}(\\.${octet}){3}$`);
const units =
  "ns|nanos?|nanoseconds?|us|µs|micros?|microseconds?|ms|millis?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?";
const duration = new RegExp(`^[+-]?(((\\d+(\\.\\d*)?|\\.\\d+)\\s*(${units})\\s*)+|0)$`);
/** One label, or labels before a domain of at least two letters. */
const hostname =
  /^([\p{L}\p{S}0-9](-?[\p{L}\p{S}0-9]{0,62})?|([\p{L}\p{S}0-9]([\p{L}\p{S}0-9-]{0,61}[\p{L}\p{S}0-9])?\.)+[\p{L}]{2,63})$/u;

const checks: Record<string, (text: string) => boolean> = {
  "date-time": (text) =>
    /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)$/.test(text) && !Number.isNaN(Date.parse(text)),
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
  byte: (text) => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text),
  duration: (text) => duration.test(text),
  uuid: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
  ipv4: (text) => ipv4.test(text),
  ipv6: isIpv6,
  ip: (text) => ipv4.test(text) || isIpv6(text),
  cidr(text) {
    const [address = "", bits = "", ...rest] = text.split("/");
    if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
    return ipv4.test(address) ? Number(bits) <= 32 : isIpv6(address) && Number(bits) <= 128;
  },
  mac: (text) => /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(text),
  hostname: (text) => text.length <= 253 && hostname.test(text),
  email: (text) => text.length <= 320 && /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)*$/.test(text),
  uri: (text) => URL.canParse(text) || text.startsWith("/"),
};

function isIpv6(text: string): boolean {
  return text.includes(":") && URL.canParse(`http://[${text}]/`);
}

/** Whether text is not of a format; formats that are not known here say nothing. Source: kube-openapi's strfmt. */
export function formatProblem(format: string, text: string): boolean {
  const check = checks[format === "datetime" ? "date-time" : format];
  return check ? !check(text) : false;
}

/** What `print-defaults` prints: a beginning for files of one's own. */
export const defaultFiles: Record<string, object> = {
  config: {
    signing: {
      default: { expiry: "168h" },
      profiles: {
        www: { expiry: "8760h", usages: ["signing", "key encipherment", "server auth"] },
        client: { expiry: "8760h", usages: ["signing", "key encipherment", "client auth"] },
      },
    },
  },
  csr: {
    CN: "example.net",
    hosts: ["example.net", "www.example.net"],
    key: { algo: "ecdsa", size: 256 },
    names: [{ C: "US", ST: "CA", L: "San Francisco" }],
  },
};

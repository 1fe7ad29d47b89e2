import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder, writeFiles } from "./tmp.js";

const run = promisify(execFile);

/** A certificate authority with a server and a client of its own, made by openssl for one test run. */
export interface Certificates {
  /** ca.pem, cert.pem and key.pem, as DOCKER_CERT_PATH has them. */
  readonly client: string;
  readonly server: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

/** Certificates for 127.0.0.1. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await temporaryFolder({
    "server.ext": "subjectAltName=IP:127.0.0.1\n",
    "client.ext": "extendedKeyUsage=clientAuth\n",
  });
  const openssl = async (...args: string[]): Promise<void> =>
    void (await run("openssl", args, { cwd: folder }));
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-subj",
    "/CN=test authority",
    "-days",
    "2",
  );
  for (const who of ["server", "client"]) {
    await openssl("req", ...key, "-keyout", `${who}.key`, "-out", `${who}.csr`, "-subj", `/CN=${who}`);
    const signed = [
      "-CA",
      "ca.crt",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-days",
      "2",
      "-extfile",
      `${who}.ext`,
    ];
    await openssl("x509", "-req", "-in", `${who}.csr`, "-out", `${who}.crt`, ...signed);
  }
  const read = async (name: string): Promise<Buffer> => await readFile(join(folder, name));
  const pems = { "ca.pem": "ca.crt", "cert.pem": "client.crt", "key.pem": "client.key" };
  for (const [to, from] of Object.entries(pems))
    await writeFiles(folder, { [`client/${to}`]: String(await read(from)) });
  return {
    client: join(folder, "client"),
    server: { ca: await read("ca.crt"), cert: await read("server.crt"), key: await read("server.key") },
  };
}

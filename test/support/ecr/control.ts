import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { actions, type ActionContext } from "./actions.js";
import { AwsError } from "./store.js";

/** One request that reached the control plane. */
export interface Call {
  readonly action: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly sessionToken: string | undefined;
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface Fault {
  /** `ThrottlingException`, `AccessDeniedException`, … */
  readonly code: string;
  readonly message?: string;
  readonly status?: number;
  /** How many calls fail; all of them unless said. */
  readonly times?: number;
}

export interface ControlSettings {
  readonly accessKeyIds: ReadonlySet<string>;
  contextFor(region: string): Promise<ActionContext>;
  onCall(call: Call): void;
  /** The fault that this call meets, once per answer. */
  faultFor(action: string): Fault | undefined;
}

const DENIED = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:";

/** ECR's control plane (AWS JSON 1.1) and STS's AssumeRole (AWS Query) on one server. */
export function controlPlane(settings: ControlSettings): Server {
  return createServer((request, response) => {
    answer(settings, request, response).catch((error: unknown) => refuse(request, response, error));
  });
}

/** Each protocol has its own form of an error. */
function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const aws = error instanceof AwsError ? error : new AwsError("ServerException", String(error), 500);
  const key = aws.code === "AccessDeniedException" ? "Message" : "message";
  if (request.headers["x-amz-target"])
    return send(response, aws.status, JSON.stringify({ __type: aws.code, [key]: aws.message }));
  const xml = `<ErrorResponse><Error><Type>Sender</Type><Code>${aws.code}</Code><Message>${aws.message}</Message></Error></ErrorResponse>`;
  send(response, aws.status, xml, "text/xml");
}

async function answer(settings: ControlSettings, request: IncomingMessage, response: ServerResponse) {
  const body = await text(request);
  const call = callOf(request, body);
  settings.onCall(call);
  throwFault(settings.faultFor(call.action), call.action);
  if (!settings.accessKeyIds.has(call.accessKeyId) && !call.accessKeyId.startsWith("ASIA"))
    throw new AwsError(
      "UnrecognizedClientException",
      "The security token included in the request is invalid.",
    );
  if (call.action === "AssumeRole") return send(response, 200, assumedRole(body), "text/xml");
  const act = actions[call.action];
  if (!act) throw new AwsError("UnknownOperationException", "");
  send(response, 200, JSON.stringify(act(await settings.contextFor(call.region), call.payload)));
}

function callOf(request: IncomingMessage, body: string): Call {
  const target = String(request.headers["x-amz-target"] ?? "");
  const scope = /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? "");
  return {
    action: target ? target.replace(/^.*\./, "") : (new URLSearchParams(body).get("Action") ?? "none"),
    region: scope?.[2] ?? "none",
    accessKeyId: scope?.[1] ?? "none",
    sessionToken: request.headers["x-amz-security-token"] as string | undefined,
    payload: target
      ? (JSON.parse(body || "{}") as Record<string, unknown>)
      : Object.fromEntries(new URLSearchParams(body)),
  };
}

function throwFault(fault: Fault | undefined, action: string): void {
  if (!fault) return;
  const denied = fault.code === "AccessDeniedException" ? `${DENIED}${action}` : "Rate exceeded";
  throw new AwsError(fault.code, fault.message ?? denied, fault.status);
}

function assumedRole(body: string): string {
  const role = new URLSearchParams(body).get("RoleArn") ?? "";
  const end = new Date(Date.now() + 3_600_000).toISOString();
  return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
    <AssumedRoleUser><AssumedRoleId>AROA:tsbuildout</AssumedRoleId><Arn>${role}/tsbuildout</Arn></AssumedRoleUser>
    <Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>
    <SessionToken>role-session</SessionToken><Expiration>${end}</Expiration></Credentials>
    </AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>`;
}

function send(response: ServerResponse, status: number, body: string, type = "application/x-amz-json-1.1") {
  response.writeHead(status, { "content-type": type, "x-amzn-requestid": crypto.randomUUID() });
  response.end(body);
}

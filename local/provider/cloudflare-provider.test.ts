import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import {
  CheckRequest,
  ConfigureRequest,
  CreateRequest,
  DeleteRequest,
  DiffRequest,
  DiffResponse,
  ReadRequest,
  type CheckResponse,
  type ConfigureResponse,
  type CreateResponse,
  type ReadResponse,
} from "@pulumi/pulumi/proto/provider_pb";
import type { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { startStandIn, type StandIn } from "cloudflare-standin";
import { secretMarker } from "../../stack/state-file-reader";
import { propertiesOf, structOf, unknownValue, type Properties } from "../engine/properties";

const accountId = "9a7806061c88ada191ed06f989cc3dac";
const urn =
  "urn:pulumi:prod::sitepass::sitepass:provision:SitePasses$cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken::tokyo";
const inputs = { accountId, name: "sitepass/prod/tokyo", duration: "8760h" };

/** Calls one method of the plugin. */
function ask<Response>(
  call: (answered: (error: ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    call((error, response) => {
      if (error === null) {
        resolve(response);
      } else {
        reject(new Error(error.details));
      }
    });
  });
}

/** The plugin, started as the Pulumi CLI starts it. */
class Plugin {
  readonly #process: ChildProcess;
  readonly client: ResourceProviderClient;

  private constructor(process: ChildProcess, port: string) {
    this.#process = process;
    this.client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  static async start(environment: Readonly<Record<string, string>>): Promise<Plugin> {
    const child = spawn(process.execPath, [join(__dirname, "start.cjs"), "127.0.0.1:1"], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const printed: unknown[] = await once(child.stdout.setEncoding("utf8"), "data");
    return new Plugin(child, printed.join("").trim());
  }

  configure(settings: Properties = {}) {
    const request = new ConfigureRequest();
    request.setArgs(structOf(settings));
    return ask<ConfigureResponse>((answered) => this.client.configure(request, answered));
  }

  close(): void {
    this.client.close();
    this.#process.kill();
  }
}

describe("the provider plugin", () => {
  let standIn: StandIn;
  let plugin: Plugin;
  let client: ResourceProviderClient;

  before(async () => {
    standIn = await startStandIn({ accountId });
    plugin = await Plugin.start({
      CLOUDFLARE_BASE_URL: standIn.baseUrl,
      CLOUDFLARE_API_TOKEN: standIn.apiToken,
    });
    client = plugin.client;
    const configured = await plugin.configure();
    assert.deepEqual([configured.getAcceptsecrets(), configured.getSupportspreview()], [true, true]);
  });

  after(async () => {
    plugin.close();
    await standIn.close();
  });

  async function create(): Promise<{ readonly id: string; readonly outputs: Properties }> {
    const request = new CreateRequest();
    request.setUrn(urn);
    request.setProperties(structOf(inputs));
    const response = await ask<CreateResponse>((answered) => client.create(request, answered));
    return { id: response.getId(), outputs: propertiesOf(response.getProperties()) };
  }

  async function read(id: string, known: Properties, outputs: Properties) {
    const request = new ReadRequest();
    request.setId(id);
    request.setUrn(urn);
    request.setInputs(structOf(known));
    request.setProperties(structOf(outputs));
    const response = await ask<ReadResponse>((answered) => client.read(request, answered));
    return {
      id: response.getId(),
      inputs: propertiesOf(response.getInputs()),
      outputs: propertiesOf(response.getProperties()),
    };
  }

  async function diff(olds: Properties, news: Properties) {
    const request = new DiffRequest();
    request.setUrn(urn);
    request.setOldInputs(structOf(olds));
    request.setNews(structOf(news));
    const response = await ask<DiffResponse>((answered) => client.diff(request, answered));
    return {
      some: response.getChanges() === DiffResponse.DiffChanges.DIFF_SOME,
      changed: response.getDiffsList(),
      replaces: response.getReplacesList(),
    };
  }

  async function problemsOf(news: Properties) {
    const request = new CheckRequest();
    request.setUrn(urn);
    request.setNews(structOf(news));
    const response = await ask<CheckResponse>((answered) => client.check(request, answered));
    return response.getFailuresList().map((failure) => failure.getReason());
  }

  it("refuses an API that is not on this machine, in the environment and in the configuration", async (t) => {
    const elsewhere = "https://api.cloudflare.com/client/v4";
    const refusal = /is "https:\/\/api\.cloudflare\.com\/client\/v4", which is not on this machine/;
    const other = await Plugin.start({ CLOUDFLARE_BASE_URL: elsewhere, CLOUDFLARE_API_TOKEN: "none" });
    t.after(() => {
      other.close();
    });
    await assert.rejects(other.configure(), refusal);
    const local = await Plugin.start({ CLOUDFLARE_BASE_URL: standIn.baseUrl, CLOUDFLARE_API_TOKEN: "none" });
    t.after(() => {
      local.close();
    });
    await assert.rejects(local.configure({ baseUrl: elsewhere }), refusal);
  });

  it("refuses inputs that would not be sent, and waits for those that are not known yet", async () => {
    assert.deepEqual(await problemsOf(inputs), []);
    assert.deepEqual(await problemsOf({ ...inputs, name: unknownValue, enabled: unknownValue }), []);
    assert.deepEqual(await problemsOf({ ...inputs, colour: "red" }), ['Unrecognized key: "colour"']);
    assert.equal((await problemsOf({ ...inputs, enabled: "yes" })).length, 1);
  });

  it("gives a new token's secret as a secret, and keeps it when the token is read again", async () => {
    const made = await create();
    const { clientSecret } = made.outputs;
    assert.deepEqual(clientSecret, { ...secretMarker, value: [...standIn.issuedSecrets][0] });
    const again = await read(made.id, inputs, made.outputs);
    assert.deepEqual(again, { id: made.id, inputs, outputs: made.outputs });
  });

  it("brings back what was changed by hand, and says that a token is gone", async () => {
    const made = await create();
    const token = standIn.database.serviceTokens.get(made.id);
    assert.ok(token !== undefined);
    standIn.database.serviceTokens.set(made.id, { ...token, name: "by hand" });
    assert.equal((await read(made.id, inputs, made.outputs)).inputs.name, "by hand");
    standIn.database.serviceTokens.delete(made.id);
    assert.equal((await read(made.id, inputs, made.outputs)).id, "");
  });

  it("imports by an ID of the provider's form, without the secret", async () => {
    const { id } = await create();
    const imported = await read(`accounts/${accountId}/${id}`, {}, {});
    assert.equal(imported.id, id);
    assert.equal(imported.inputs.name, inputs.name);
    assert.equal(imported.outputs.clientSecret, undefined);
    await assert.rejects(read(id, {}, {}), /expected segments "accounts\/<account_id>\/<service_token_id>"/);
  });

  it("tells what changes in place from what has to be made anew", async () => {
    assert.deepEqual(await diff(inputs, inputs), { some: false, changed: [], replaces: [] });
    assert.deepEqual(await diff(inputs, { ...inputs, name: "other", accountId: unknownValue }), {
      some: true,
      changed: ["accountId", "name"],
      replaces: ["accountId"],
    });
  });

  it("fails as the bridged provider does where the object is gone", async () => {
    const request = new DeleteRequest();
    request.setId("00000000-0000-4000-8000-000000000000");
    request.setUrn(urn);
    request.setOldInputs(structOf(inputs));
    await assert.rejects(
      ask<Empty>((answered) => client.delete(request, answered)),
      /^Error: failed to make http request: DELETE "http:\/\/127\.0\.0\.1:\d+\/client\/v4\/accounts\/\w+\/access\/service_tokens\/[-\w]+": 404 Not Found \{/,
    );
  });
});

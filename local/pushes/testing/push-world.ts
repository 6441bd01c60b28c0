import type { TestContext } from "node:test";
import {
  worldFor,
  type SignalName,
  type TestWorld,
  type WorldOptions,
} from "cloudflare-standin/testing/edge-world";
import { startReceiver, type Receiver } from "../receiver";

/** For tests: the edge's world with origins that take pushes for what they are. */
export interface PushWorld extends TestWorld {
  readonly origins: Readonly<Record<SignalName, Receiver>>;
}

export async function pushWorldFor(t: TestContext, options: WorldOptions = {}): Promise<PushWorld> {
  const origins = { metrics: await receiverFor(t), logs: await receiverFor(t) };
  return { ...(await worldFor(t, { ...options, origins })), origins };
}

export async function receiverFor(t: TestContext): Promise<Receiver> {
  const receiver = await startReceiver();
  t.after(() => receiver.close());
  return receiver;
}

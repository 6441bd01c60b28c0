import { alloy } from "./alloy";
import type { Collector, CollectorName } from "./collector";
import { fluentBit } from "./fluent-bit";
import { otelcol } from "./otelcol";
import { prometheus } from "./prometheus";
import { promtail } from "./promtail";
import { telegraf } from "./telegraf";
import { vector } from "./vector";
import { vmagent } from "./vmagent";

/** Every collector that a site can run, by the name that a site file gives it. */
export const collectors: Readonly<Record<CollectorName, Collector>> = {
  prometheus,
  promtail,
  alloy,
  otelcol,
  vmagent,
  vector,
  "fluent-bit": fluentBit,
  telegraf,
};

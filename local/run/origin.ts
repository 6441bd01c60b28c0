/** The service behind the tunnel for one signal: a real one, or a small receiver in its place. */
export interface Origin {
  /** What it is, for people. */
  readonly name: string;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** How many samples or log lines came, by the value of the label that carries the site's name. */
  readonly arrived: (siteLabel: string) => Promise<ReadonlyMap<string, number>>;
  readonly close: () => Promise<void>;
}

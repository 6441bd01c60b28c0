import { defaultPorts, type Place, type Places, type ProgramName } from "./central-host";

/** The ports of every program. */
export type Ports = { readonly [Name in ProgramName]: Place<Name>["ports"] };

/** Places that follow one rule for all programs. */
export function placesBy(
  rule: (name: ProgramName) => Omit<Place, "ports">,
  shared: Omit<Places, "programs">,
  ports: Ports = defaultPorts,
): Places {
  const place = <Name extends ProgramName>(name: Name): Place<Name> => ({
    ...rule(name),
    ports: ports[name],
  });
  return {
    programs: {
      cloudflared: place("cloudflared"),
      gate: place("gate"),
      vmagent: place("vmagent"),
      prometheus: place("prometheus"),
      alloy: place("alloy"),
      loki: place("loki"),
      alertmanager: place("alertmanager"),
      grafana: place("grafana"),
      "node-exporter": place("node-exporter"),
    },
    ...shared,
  };
}

/** Everything on one machine, below one folder. */
export const placesBelow = (directory: string, ports?: Ports): Places =>
  placesBy(
    (name) => ({
      host: "127.0.0.1",
      bind: "127.0.0.1",
      files: `${directory}/${name}`,
      data: `${directory}/data/${name}`,
    }),
    {
      run: `${directory}/run`,
      credentials: `${directory}/credentials`,
      textfiles: `${directory}/textfiles`,
    },
    ports,
  );

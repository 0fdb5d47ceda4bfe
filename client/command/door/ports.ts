/**
 * Which ports of this machine may be reached from outside.
 *
 * @module
 */

import type { PortSet } from "@agentx/common/cli";
import { Problem } from "../problem.ts";

/** Ports of services that trust whoever comes from this machine, or hold what nobody should see. */
const SENSITIVE: ReadonlyMap<number, string> = new Map([
  ...[22].map((port) => [port, "ssh"] as const),
  ...[2375, 2376].map((port) => [port, "Docker"] as const),
  ...[
    1433, // SQL Server
    1521, // Oracle
    2379, // etcd
    2380,
    3306, // MySQL
    33060,
    5432, // PostgreSQL
    5984, // CouchDB
    6379, // Redis
    7474, // Neo4j
    7687,
    8086, // InfluxDB
    8529, // ArangoDB
    9042, // Cassandra
    9200, // Elasticsearch
    9300,
    11211, // memcached
    26257, // CockroachDB
    27017, // MongoDB
    27018,
    27019,
    28015, // RethinkDB
    50000, // Db2
  ].map((port) => [port, "a database"] as const),
]);

/** The rule for all requests. */
export class ReachablePorts {
  /**
   * @param allowed `--proxy-allow`; empty for all but those of databases and the like.
   * @param own ports of this program, which stay out of reach: who came through one of them would
   * be taken for somebody of this machine.
   */
  constructor(private readonly allowed: PortSet, private readonly own: ReadonlySet<number>) {}

  /** @throws {Problem} 403 on a port that may not be reached. */
  check(port: number): void {
    if (this.own.has(port)) {
      throw new Problem(403, `Port ${port} is one of arpc itself, which /proxy does not reach`);
    }
    if (this.allowed.has(port)) return;
    const advice = `--proxy-allow ${port} of arpc allows it`;
    if (this.allowed.size > 0) {
      throw new Problem(403, `Port ${port} is none of those that /proxy may reach; ${advice}`);
    }
    const service = SENSITIVE.get(port);
    if (service === undefined) return;
    throw new Problem(
      403,
      `Port ${port} is that of ${service}, which /proxy does not reach unasked; ${advice}`,
    );
  }
}

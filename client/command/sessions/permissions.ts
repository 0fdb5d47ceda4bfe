/**
 * Questions of CLIs in the database.
 *
 * @module
 */

import type { Permission } from "../schemas.ts";
import type { Row, Store } from "./store.ts";

/** Answered questions of CLIs that run elsewhere: no session takes them along when it is deleted. */
const MAX_FOREIGN = 1000;

/** Which questions to list, newest first. */
export interface PermissionFilter {
  status?: Permission["status"] | undefined;
  session?: string | undefined;
  limit: number;
  offset: number;
}

/** The questions, waiting and answered. */
export class Permissions {
  constructor(private readonly store: Store) {}

  /** Adds one; of those of no session, the oldest go when they are many. */
  insert(permission: Permission): void {
    this.store.transaction(() => {
      this.store.run(
        "INSERT INTO permissions (id, session_id, status, permission) VALUES (?, ?, ?, ?)",
        ...[permission.id, permission.session_id, permission.status, JSON.stringify(permission)],
      );
      if (permission.session_id !== null) return;
      this.store.run(
        `DELETE FROM permissions WHERE session_id IS NULL AND status <> 'pending' AND key <=
           (SELECT key FROM permissions WHERE session_id IS NULL
            ORDER BY key DESC LIMIT 1 OFFSET ?)`,
        MAX_FOREIGN,
      );
    });
  }

  update(permission: Permission): void {
    this.store.run(
      "UPDATE permissions SET status = ?, permission = ? WHERE id = ?",
      permission.status,
      JSON.stringify(permission),
      permission.id,
    );
  }

  get(id: string): Permission | undefined {
    const row = this.store.get("SELECT permission FROM permissions WHERE id = ?", id);
    return row === undefined ? undefined : parse(row);
  }

  list({ status, session, limit, offset }: PermissionFilter): {
    items: Permission[];
    total: number;
  } {
    const conditions = [
      ...(status === undefined ? [] : ["status = ?"]),
      ...(session === undefined ? [] : ["session_id = ?"]),
    ];
    const values = [status, session].filter((value) => value !== undefined);
    const from = `FROM permissions WHERE ${["TRUE", ...conditions].join(" AND ")}`;
    const items = this.store.all(
      `SELECT permission ${from} ORDER BY key DESC LIMIT ? OFFSET ?`,
      ...[...values, limit, offset],
    ).map(parse);
    const total = Number(this.store.get(`SELECT count(*) AS total ${from}`, ...values)!.total);
    return { items, total };
  }

  /** Those that wait, oldest first. */
  pending(): Permission[] {
    return this.store.all(
      "SELECT permission FROM permissions WHERE status = 'pending' ORDER BY key",
    ).map(parse);
  }
}

function parse(row: Row): Permission {
  return JSON.parse(String(row.permission)) as Permission;
}

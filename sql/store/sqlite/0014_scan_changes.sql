-- What scans saw change, for the timeline: kept longer than the scans. newest: how the port stands; ports that were never seen open have no row.
CREATE TABLE scan_changes (
  id INTEGER PRIMARY KEY,
  at_ns INTEGER NOT NULL,
  scan_id INTEGER NOT NULL,
  node_id INTEGER NOT NULL REFERENCES nodes (id),
  addr TEXT NOT NULL,
  proto INTEGER NOT NULL,
  port INTEGER NOT NULL,
  was TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL,
  service_was TEXT NOT NULL DEFAULT '',
  service TEXT NOT NULL DEFAULT '',
  scanner TEXT NOT NULL DEFAULT '',
  newest INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX scan_changes_at ON scan_changes (at_ns, id);
CREATE INDEX scan_changes_node ON scan_changes (node_id, at_ns, id);
CREATE INDEX scan_changes_newest ON scan_changes (node_id, newest, addr);
-- Numbers of scan_changes are drawn one transaction after the other.
INSERT INTO settings (name, value) VALUES ('scan_change_lock', '0');

-- What the comparison of scans with the kernels' views keeps: several monitors share it, and a new one goes on with it.

-- When a host's result was compared, on the store's clock; 0: not yet.
ALTER TABLE scan_hosts ADD COLUMN compared_ns INTEGER NOT NULL DEFAULT 0;
UPDATE scan_hosts SET compared_ns = 1 WHERE state <> 'queued';
CREATE INDEX scan_hosts_compared ON scan_hosts (compared_ns, ended_ns);

-- Seen once, and looked at again before anybody is told. kind: of the finding it would be. scan_id: the scan that saw it. due_ns: when
-- the second look is asked for; asked_ns: when it was, 0: not yet.
CREATE TABLE scan_doubts (
  node_id INTEGER NOT NULL REFERENCES nodes (id),
  addr TEXT NOT NULL,
  proto INTEGER NOT NULL,
  port INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  scan_id INTEGER NOT NULL,
  due_ns INTEGER NOT NULL,
  asked_ns INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (node_id, addr, proto, port)
) STRICT, WITHOUT ROWID;
CREATE INDEX scan_doubts_due ON scan_doubts (asked_ns, due_ns);

-- Rules that ask for the arguments of the program, so that one script of an interpreter is not taken for another: a pattern for each
-- argument behind the program's own name, a blank between them, "..." at the end for any further ones. '' does not ask.
DROP VIEW v_profiles;
CREATE TABLE open_ports_new (
  id INTEGER NOT NULL PRIMARY KEY,
  port INTEGER NOT NULL DEFAULT 0 CHECK (port BETWEEN 0 AND 4294967295),
  protocol TEXT NOT NULL DEFAULT 'tcp' COLLATE NOCASE
    CHECK (lower(protocol) IN ('tcp', 'mptcp', 'udp', 'udplite', 'sctp', 'raw', 'packet', 'vsock')),
  service TEXT NOT NULL DEFAULT '',
  host_type TEXT NOT NULL CHECK (host_type <> ''),
  port_end INTEGER NOT NULL DEFAULT 0 CHECK (port_end = 0 OR port_end BETWEEN port AND 4294967295),
  scope TEXT NOT NULL DEFAULT '' COLLATE NOCASE CHECK (lower(scope) IN ('', 'any', 'host', 'loopback')),
  exe TEXT NOT NULL DEFAULT '',
  user_name TEXT NOT NULL DEFAULT '',
  origin TEXT NOT NULL DEFAULT 'manual',
  reason TEXT NOT NULL DEFAULT '',
  author TEXT NOT NULL DEFAULT '',
  created_ns INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER) * 1000000000),
  expires_ns INTEGER NOT NULL DEFAULT 0,
  action TEXT NOT NULL DEFAULT 'allow' COLLATE NOCASE CHECK (lower(action) IN ('allow', 'require', 'deny')),
  job TEXT NOT NULL DEFAULT '' COLLATE NOCASE CHECK (lower(job) IN ('', 'any', 'none', 'slurm')),
  container TEXT NOT NULL DEFAULT '',
  fingerprint TEXT NOT NULL DEFAULT '',
  severity TEXT NOT NULL DEFAULT '' COLLATE NOCASE CHECK (lower(severity) IN ('', 'notice', 'warning', 'critical')),
  line_no INTEGER NOT NULL DEFAULT 0,
  source_line TEXT NOT NULL DEFAULT '',
  package TEXT NOT NULL DEFAULT '',
  sha256 TEXT NOT NULL DEFAULT '' CHECK (sha256 = '' OR (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*')),
  argv TEXT NOT NULL DEFAULT '',
  UNIQUE (host_type, port, port_end, protocol, service, scope, exe, user_name, action, job, container, fingerprint, package, sha256,
    argv)
) STRICT;
INSERT INTO open_ports_new (id, port, protocol, service, host_type, port_end, scope, exe, user_name, origin, reason, author,
    created_ns, expires_ns, action, job, container, fingerprint, severity, line_no, source_line, package, sha256)
  SELECT id, port, protocol, service, host_type, port_end, scope, exe, user_name, origin, reason, author, created_ns, expires_ns,
    action, job, container, fingerprint, severity, line_no, source_line, package, sha256
  FROM open_ports;
-- The table's end would take the hits along.
CREATE TABLE open_port_hits_kept (row_id INTEGER NOT NULL, hits INTEGER NOT NULL, last_ns INTEGER NOT NULL) STRICT;
INSERT INTO open_port_hits_kept (row_id, hits, last_ns) SELECT row_id, hits, last_ns FROM open_port_hits;
DROP TABLE open_port_hits;
DROP TABLE open_ports;
ALTER TABLE open_ports_new RENAME TO open_ports;
CREATE TABLE open_port_hits (
  row_id INTEGER NOT NULL PRIMARY KEY REFERENCES open_ports (id) ON DELETE CASCADE,
  hits INTEGER NOT NULL,
  last_ns INTEGER NOT NULL
) STRICT;
INSERT INTO open_port_hits (row_id, hits, last_ns) SELECT row_id, hits, last_ns FROM open_port_hits_kept;
DROP TABLE open_port_hits_kept;

-- A row with origin 'manual' is a person's word: it makes the class known and ends its learning.
CREATE TRIGGER open_ports_insert AFTER INSERT ON open_ports BEGIN
  INSERT INTO host_types (name) VALUES (NEW.host_type) ON CONFLICT DO NOTHING;
  UPDATE host_types SET accepted_ns = CAST(strftime('%s', 'now') AS INTEGER) * 1000000000
    WHERE name = NEW.host_type AND accepted_ns = 0 AND NEW.origin = 'manual';
  UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'profile_revision';
END;
CREATE TRIGGER open_ports_update AFTER UPDATE ON open_ports BEGIN
  INSERT INTO host_types (name) VALUES (NEW.host_type) ON CONFLICT DO NOTHING;
  UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'profile_revision';
END;
CREATE TRIGGER open_ports_delete AFTER DELETE ON open_ports BEGIN
  UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'profile_revision';
END;

CREATE VIEW v_profiles AS
SELECT p.host_type AS class, lower(p.action) AS action, lower(p.protocol) AS proto, p.port,
  CASE WHEN p.port_end > p.port THEN p.port_end ELSE p.port END AS port_end, p.service, lower(p.scope) AS scope, p.exe,
  p.user_name, lower(p.job) AS job, p.container, p.fingerprint, p.origin, p.reason, p.author,
  strftime('%Y-%m-%dT%H:%M:%SZ', p.created_ns / 1000000000, 'unixepoch') AS created_at,
  CASE WHEN p.expires_ns > 0 THEN strftime('%Y-%m-%dT%H:%M:%SZ', p.expires_ns / 1000000000, 'unixepoch') END AS expires_at,
  coalesce(h.hits, 0) AS hits,
  strftime('%Y-%m-%dT%H:%M:%SZ', h.last_ns / 1000000000, 'unixepoch') AS last_match_at, p.id, p.package, p.sha256, p.argv
FROM open_ports p LEFT JOIN open_port_hits h ON h.row_id = p.id;

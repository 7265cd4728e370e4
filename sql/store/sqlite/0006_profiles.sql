-- Profiles that say more than Table 1: what is required and forbidden, jobs, containers, identities; the lines of the file that
-- a person keeps them in; when a row last decided. And node classes by rule.

-- action: 'deny' wins over the others, whatever the order. job: '' does not ask, 'any', 'none', or a scheduler ('slurm').
-- container: '' does not ask, 'any', 'none', or the beginning of an id. severity: of a denied door, '' as the verdict has it.
-- line_no, source_line: the row in the person's file, as written; 0 and '' when it did not come from one.
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
  UNIQUE (host_type, port, port_end, protocol, service, scope, exe, user_name, action, job, container, fingerprint)
) STRICT;
INSERT INTO open_ports_new (id, port, protocol, service, host_type, port_end, scope, exe, user_name, origin, reason, author,
    created_ns, expires_ns)
  SELECT id, port, protocol, service, host_type, port_end, scope, exe, user_name, origin, reason, author, created_ns, expires_ns
  FROM open_ports;
DROP TABLE open_ports;
ALTER TABLE open_ports_new RENAME TO open_ports;

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

-- How often each row has decided about a door, and when last. Apart, because counting changes no profile. Of the doors that
-- were judged again nobody counts anything, so a number of hits is one of openings.
CREATE TABLE open_port_hits (
  row_id INTEGER NOT NULL PRIMARY KEY REFERENCES open_ports (id) ON DELETE CASCADE,
  hits INTEGER NOT NULL,
  last_ns INTEGER NOT NULL
) STRICT;

-- What of a person's file is no row: comments, blank lines, headers.
CREATE TABLE profile_lines (
  host_type TEXT NOT NULL,
  line_no INTEGER NOT NULL,
  source_line TEXT NOT NULL,
  PRIMARY KEY (host_type, line_no)
) STRICT, WITHOUT ROWID;

-- What learning proposes for a class, until a person has decided about each. rule is a line of the profile language. kind
-- 'outlier': seen, and left out; why says so. Numbers of a newer proposal take the place of the older one's.
CREATE TABLE profile_proposals (
  host_type TEXT NOT NULL,
  number INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('rule', 'outlier')),
  state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'accepted', 'rejected')),
  rule TEXT NOT NULL,
  why TEXT NOT NULL,
  nodes TEXT NOT NULL,
  nodes_seen INTEGER NOT NULL,
  nodes_total INTEGER NOT NULL,
  slots_seen INTEGER NOT NULL,
  slots_total INTEGER NOT NULL,
  made_ns INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  decided_ns INTEGER NOT NULL DEFAULT 0,
  decided_by TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (host_type, number)
) STRICT, WITHOUT ROWID;

-- Which node is of which class: the first rule that names it, by priority and then id; what no rule names is what the node says
-- of itself. nodes is a node set and may name groups; resolved is the same without groups, as of resolved_ns.
CREATE TABLE class_rules (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  priority INTEGER NOT NULL DEFAULT 100,
  nodes TEXT NOT NULL CHECK (nodes <> ''),
  host_type TEXT NOT NULL CHECK (host_type <> ''),
  origin TEXT NOT NULL DEFAULT 'manual',
  reason TEXT NOT NULL DEFAULT '',
  author TEXT NOT NULL DEFAULT '',
  created_ns INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER) * 1000000000),
  resolved TEXT NOT NULL DEFAULT '',
  resolved_ns INTEGER NOT NULL DEFAULT 0,
  problem TEXT NOT NULL DEFAULT '',
  UNIQUE (nodes, host_type)
) STRICT;
CREATE TRIGGER class_rules_insert AFTER INSERT ON class_rules BEGIN
  UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'profile_revision';
END;
CREATE TRIGGER class_rules_update AFTER UPDATE ON class_rules
  WHEN NEW.resolved <> OLD.resolved OR NEW.host_type <> OLD.host_type OR NEW.priority <> OLD.priority BEGIN
  UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'profile_revision';
END;
CREATE TRIGGER class_rules_delete AFTER DELETE ON class_rules BEGIN
  UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'profile_revision';
END;

CREATE VIEW v_profiles AS
SELECT p.host_type AS class, lower(p.action) AS action, lower(p.protocol) AS proto, p.port,
  CASE WHEN p.port_end > p.port THEN p.port_end ELSE p.port END AS port_end, p.service, lower(p.scope) AS scope, p.exe,
  p.user_name, lower(p.job) AS job, p.container, p.fingerprint, p.origin, p.reason, p.author,
  strftime('%Y-%m-%dT%H:%M:%SZ', p.created_ns / 1000000000, 'unixepoch') AS created_at,
  CASE WHEN p.expires_ns > 0 THEN strftime('%Y-%m-%dT%H:%M:%SZ', p.expires_ns / 1000000000, 'unixepoch') END AS expires_at,
  coalesce(h.hits, 0) AS hits,
  strftime('%Y-%m-%dT%H:%M:%SZ', h.last_ns / 1000000000, 'unixepoch') AS last_match_at, p.id
FROM open_ports p LEFT JOIN open_port_hits h ON h.row_id = p.id;

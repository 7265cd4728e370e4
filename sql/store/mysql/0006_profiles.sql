-- Profiles that say more than Table 1: what is required and forbidden, jobs, containers, identities; the lines of the file that
-- a person keeps them in; when a row last decided. And node classes by rule.

-- action: 'deny' wins over the others, whatever the order. job: '' does not ask, 'any', 'none', or a scheduler ('slurm').
-- container: '' does not ask, 'any', 'none', or the beginning of an id. severity: of a denied door, '' as the verdict has it.
-- line_no, source_line: the row in the person's file, as written; 0 and '' when it did not come from one.
ALTER TABLE open_ports ADD COLUMN action VARCHAR(16) COLLATE utf8mb4_general_ci NOT NULL DEFAULT 'allow'
  CHECK (lower(action) IN ('allow', 'require', 'deny'));
ALTER TABLE open_ports ADD COLUMN job VARCHAR(16) COLLATE utf8mb4_general_ci NOT NULL DEFAULT ''
  CHECK (lower(job) IN ('', 'any', 'none', 'slurm'));
ALTER TABLE open_ports ADD COLUMN container VARCHAR(255) NOT NULL DEFAULT '';
ALTER TABLE open_ports ADD COLUMN fingerprint VARCHAR(255) NOT NULL DEFAULT '';
ALTER TABLE open_ports ADD COLUMN severity VARCHAR(16) COLLATE utf8mb4_general_ci NOT NULL DEFAULT ''
  CHECK (lower(severity) IN ('', 'notice', 'warning', 'critical'));
ALTER TABLE open_ports ADD COLUMN line_no INT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE open_ports ADD COLUMN source_line TEXT;

DROP TRIGGER IF EXISTS open_ports_new;
CREATE TRIGGER IF NOT EXISTS open_ports_new BEFORE INSERT ON open_ports FOR EACH ROW
  SET NEW.created_ns = if(NEW.created_ns = 0, unix_timestamp() * 1000000000, NEW.created_ns),
    NEW.row_hash = unhex(sha2(concat_ws('\n', hex(NEW.host_type), NEW.port, NEW.port_end, lower(NEW.protocol),
      hex(NEW.service), lower(NEW.scope), hex(NEW.exe), hex(NEW.user_name), lower(NEW.action), lower(NEW.job),
      hex(NEW.container), hex(NEW.fingerprint)), 256));
DROP TRIGGER IF EXISTS open_ports_changed;
CREATE TRIGGER IF NOT EXISTS open_ports_changed BEFORE UPDATE ON open_ports FOR EACH ROW
  SET NEW.row_hash = unhex(sha2(concat_ws('\n', hex(NEW.host_type), NEW.port, NEW.port_end, lower(NEW.protocol),
    hex(NEW.service), lower(NEW.scope), hex(NEW.exe), hex(NEW.user_name), lower(NEW.action), lower(NEW.job),
    hex(NEW.container), hex(NEW.fingerprint)), 256));
-- Each row gets its new hash from the trigger.
UPDATE open_ports SET row_hash = '';

-- How often each row has decided about a door, and when last. Apart, because counting changes no profile. Of the doors that
-- were judged again nobody counts anything, so a number of hits is one of openings.
CREATE TABLE IF NOT EXISTS open_port_hits (
  row_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  hits BIGINT UNSIGNED NOT NULL,
  last_ns BIGINT UNSIGNED NOT NULL,
  CONSTRAINT open_port_hits_row FOREIGN KEY (row_id) REFERENCES open_ports (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What of a person's file is no row: comments, blank lines, headers.
CREATE TABLE IF NOT EXISTS profile_lines (
  host_type VARCHAR(255) NOT NULL,
  line_no INT UNSIGNED NOT NULL,
  source_line TEXT NOT NULL,
  PRIMARY KEY (host_type, line_no)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What learning proposes for a class, until a person has decided about each. rule is a line of the profile language. kind
-- 'outlier': seen, and left out; why says so. Numbers of a newer proposal take the place of the older one's.
CREATE TABLE IF NOT EXISTS profile_proposals (
  host_type VARCHAR(255) NOT NULL,
  number INT UNSIGNED NOT NULL,
  kind VARCHAR(16) NOT NULL CHECK (kind IN ('rule', 'outlier')),
  state VARCHAR(16) NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'accepted', 'rejected')),
  rule TEXT NOT NULL,
  why TEXT NOT NULL,
  nodes TEXT NOT NULL,
  nodes_seen INT UNSIGNED NOT NULL,
  nodes_total INT UNSIGNED NOT NULL,
  slots_seen INT UNSIGNED NOT NULL,
  slots_total INT UNSIGNED NOT NULL,
  made_ns BIGINT UNSIGNED NOT NULL,
  made_by VARCHAR(255) NOT NULL,
  decided_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  decided_by VARCHAR(255) NOT NULL DEFAULT '',
  PRIMARY KEY (host_type, number)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Which node is of which class: the first rule that names it, by priority and then id; what no rule names is what the node says
-- of itself. nodes is a node set and may name groups; resolved is the same without groups, as of resolved_ns.
CREATE TABLE IF NOT EXISTS class_rules (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  priority INT UNSIGNED NOT NULL DEFAULT 100,
  nodes TEXT NOT NULL,
  host_type VARCHAR(255) NOT NULL CHECK (host_type <> ''),
  origin VARCHAR(255) NOT NULL DEFAULT 'manual',
  reason TEXT,
  author VARCHAR(255) NOT NULL DEFAULT '',
  created_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  resolved MEDIUMTEXT,
  resolved_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  problem TEXT,
  rule_hash BINARY(32) NOT NULL DEFAULT '',
  UNIQUE KEY class_rules_rule (rule_hash)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TRIGGER IF NOT EXISTS class_rules_new BEFORE INSERT ON class_rules FOR EACH ROW
  SET NEW.created_ns = if(NEW.created_ns = 0, unix_timestamp() * 1000000000, NEW.created_ns),
    NEW.rule_hash = unhex(sha2(concat_ws('\n', hex(NEW.nodes), hex(NEW.host_type)), 256));
CREATE TRIGGER IF NOT EXISTS class_rules_changed BEFORE UPDATE ON class_rules FOR EACH ROW
  SET NEW.rule_hash = unhex(sha2(concat_ws('\n', hex(NEW.nodes), hex(NEW.host_type)), 256));
CREATE TRIGGER IF NOT EXISTS class_rules_insert AFTER INSERT ON class_rules FOR EACH ROW
  UPDATE settings SET value = CAST(value AS UNSIGNED) + 1 WHERE name = 'profile_revision';
CREATE TRIGGER IF NOT EXISTS class_rules_update AFTER UPDATE ON class_rules FOR EACH ROW
  UPDATE settings SET value = CAST(value AS UNSIGNED) + 1
    WHERE name = if(coalesce(NEW.resolved, '') <> coalesce(OLD.resolved, '') OR NEW.host_type <> OLD.host_type
      OR NEW.priority <> OLD.priority, 'profile_revision', '');
CREATE TRIGGER IF NOT EXISTS class_rules_delete AFTER DELETE ON class_rules FOR EACH ROW
  UPDATE settings SET value = CAST(value AS UNSIGNED) + 1 WHERE name = 'profile_revision';

CREATE OR REPLACE VIEW v_profiles AS
SELECT p.host_type AS class, lower(p.action) AS action, lower(p.protocol) AS proto, p.port,
  CASE WHEN p.port_end > p.port THEN p.port_end ELSE p.port END AS port_end, p.service, lower(p.scope) AS scope, p.exe,
  p.user_name, lower(p.job) AS job, p.container, p.fingerprint, p.origin, coalesce(p.reason, '') AS reason, p.author,
  date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (p.created_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%sZ') AS created_at,
  CASE WHEN p.expires_ns > 0 THEN date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (p.expires_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%sZ') END AS expires_at,
  coalesce(h.hits, 0) AS hits,
  CASE WHEN h.last_ns > 0 THEN date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (h.last_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%sZ') END AS last_match_at, p.id
FROM open_ports p LEFT JOIN open_port_hits h ON h.row_id = p.id;

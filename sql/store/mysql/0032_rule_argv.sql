-- Rules that ask for the arguments of the program, so that one script of an interpreter is not taken for another: a pattern for each
-- argument behind the program's own name, a blank between them, "..." at the end for any further ones. '' does not ask.
ALTER TABLE open_ports ADD COLUMN argv VARCHAR(1024) NOT NULL DEFAULT '';

DROP TRIGGER IF EXISTS open_ports_new;
CREATE TRIGGER IF NOT EXISTS open_ports_new BEFORE INSERT ON open_ports FOR EACH ROW
  SET NEW.created_ns = if(NEW.created_ns = 0, unix_timestamp() * 1000000000, NEW.created_ns),
    NEW.row_hash = unhex(sha2(concat_ws('\n', hex(NEW.host_type), NEW.port, NEW.port_end, lower(NEW.protocol),
      hex(NEW.service), lower(NEW.scope), hex(NEW.exe), hex(NEW.user_name), lower(NEW.action), lower(NEW.job),
      hex(NEW.container), hex(NEW.fingerprint), hex(NEW.package), NEW.sha256, hex(NEW.argv)), 256));
DROP TRIGGER IF EXISTS open_ports_changed;
CREATE TRIGGER IF NOT EXISTS open_ports_changed BEFORE UPDATE ON open_ports FOR EACH ROW
  SET NEW.row_hash = unhex(sha2(concat_ws('\n', hex(NEW.host_type), NEW.port, NEW.port_end, lower(NEW.protocol),
    hex(NEW.service), lower(NEW.scope), hex(NEW.exe), hex(NEW.user_name), lower(NEW.action), lower(NEW.job),
    hex(NEW.container), hex(NEW.fingerprint), hex(NEW.package), NEW.sha256, hex(NEW.argv)), 256));
-- Each row gets its new hash from the trigger.
UPDATE open_ports SET row_hash = '';

CREATE OR REPLACE VIEW v_profiles AS
SELECT p.host_type AS class, lower(p.action) AS action, lower(p.protocol) AS proto, p.port,
  CASE WHEN p.port_end > p.port THEN p.port_end ELSE p.port END AS port_end, p.service, lower(p.scope) AS scope, p.exe,
  p.user_name, lower(p.job) AS job, p.container, p.fingerprint, p.origin, coalesce(p.reason, '') AS reason, p.author,
  date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (p.created_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%sZ') AS created_at,
  CASE WHEN p.expires_ns > 0 THEN date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (p.expires_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%sZ') END AS expires_at,
  coalesce(h.hits, 0) AS hits,
  CASE WHEN h.last_ns > 0 THEN date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (h.last_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%sZ') END AS last_match_at, p.id, p.package, p.sha256, p.argv
FROM open_ports p LEFT JOIN open_port_hits h ON h.row_id = p.id;

CREATE OR REPLACE SQL SECURITY DEFINER VIEW own_profile AS
SELECT p.id, p.port, p.port_end, p.protocol, p.service, p.host_type, p.scope, p.exe, p.user_name, p.origin, p.reason, p.author,
  p.created_ns, p.expires_ns, p.action, p.job, p.container, p.fingerprint, p.severity, p.line_no, p.source_line, p.package, p.sha256, p.argv
FROM open_ports p
WHERE p.host_type = (SELECT n.host_type FROM nodes n JOIN node_logins l ON l.node_id = n.id
  WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user()))));

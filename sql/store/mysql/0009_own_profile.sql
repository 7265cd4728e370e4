-- While the store is away a node judges by itself (`alert.local-after`): its account may read the profile of its own class, as the
-- node's row has it, and no other's. See 0004_grants.sql for how a login is bound to a node.
CREATE OR REPLACE SQL SECURITY DEFINER VIEW own_class AS
SELECT t.name, t.accepted_ns,
  (SELECT CAST(s.value AS UNSIGNED) FROM settings s WHERE s.name = 'profile_revision') AS revision
FROM host_types t
WHERE t.name = (SELECT n.host_type FROM nodes n JOIN node_logins l ON l.node_id = n.id
  WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user()))));

CREATE OR REPLACE SQL SECURITY DEFINER VIEW own_profile AS
SELECT p.id, p.port, p.port_end, p.protocol, p.service, p.host_type, p.scope, p.exe, p.user_name, p.origin, p.reason, p.author,
  p.created_ns, p.expires_ns, p.action, p.job, p.container, p.fingerprint, p.severity, p.line_no, p.source_line
FROM open_ports p
WHERE p.host_type = (SELECT n.host_type FROM nodes n JOIN node_logins l ON l.node_id = n.id
  WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user()))));

-- What the executables of a node's doors are: a row for each digest that a path has had there. path_hash: SHA-256 of the path as the
-- kernel has it, by which a door's record finds it; `path` is escaped, and cut when it is long. sha256 is all zeros where there is no
-- digest (state 3 to 9). Times first_ns and last_ns are the store's: the row with the newest last_ns is what the path is now.
CREATE TABLE executables (
  node_id INTEGER NOT NULL,
  path_hash BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  path TEXT NOT NULL,
  state INTEGER NOT NULL,
  listed INTEGER NOT NULL,
  package TEXT NOT NULL DEFAULT '',
  version TEXT NOT NULL DEFAULT '',
  file_uid INTEGER NOT NULL,
  device INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  size INTEGER NOT NULL,
  changed_ns INTEGER NOT NULL,
  first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  PRIMARY KEY (node_id, path_hash, sha256)
) STRICT;

CREATE VIEW v_executables AS
SELECT n.name AS node, n.host_type AS class, e.path,
  CASE WHEN e.state <= 2 THEN lower(hex(e.sha256)) END AS sha256,
  CASE e.state WHEN 1 THEN 'read' WHEN 2 THEN 'changed since the program was started' WHEN 3 THEN 'too large to be read'
    WHEN 4 THEN 'not readable' WHEN 5 THEN 'not there, or not visible to the shipper' WHEN 6 THEN 'no regular file'
    WHEN 7 THEN 'on a network file system: not read' WHEN 8 THEN 'written to while it was read'
    WHEN 9 THEN 'took too long to read' END AS state,
  CASE e.package WHEN '' THEN NULL ELSE e.package END AS package,
  CASE e.version WHEN '' THEN NULL ELSE e.version END AS version,
  CASE e.listed WHEN 0 THEN 'unknown' WHEN 1 THEN 'none' WHEN 2 THEN 'as packaged' WHEN 3 THEN 'differs from its package'
    WHEN 4 THEN 'not compared' END AS listed,
  e.file_uid, e.size,
  strftime('%Y-%m-%dT%H:%M:%S', e.first_ns / 1000000000, 'unixepoch')
    || printf('.%06dZ', e.first_ns / 1000 % 1000000) AS first_seen_at,
  strftime('%Y-%m-%dT%H:%M:%S', e.last_ns / 1000000000, 'unixepoch')
    || printf('.%06dZ', e.last_ns / 1000 % 1000000) AS last_seen_at
FROM executables e JOIN nodes n ON n.id = e.node_id;

-- What the executables of a node's doors are: a row for each digest that a path has had there. path_hash: SHA-256 of the path as the
-- kernel has it, by which a door's record finds it; `path` is escaped, and cut when it is long. sha256 is all zeros where there is no
-- digest (state 3 to 9). Times first_ns and last_ns are the store's: the row with the newest last_ns is what the path is now.
CREATE TABLE IF NOT EXISTS executables (
  node_id BIGINT UNSIGNED NOT NULL,
  path_hash BINARY(32) NOT NULL,
  sha256 BINARY(32) NOT NULL,
  path VARCHAR(4096) NOT NULL,
  state SMALLINT UNSIGNED NOT NULL,
  listed SMALLINT UNSIGNED NOT NULL,
  package VARCHAR(128) NOT NULL DEFAULT '',
  version VARCHAR(128) NOT NULL DEFAULT '',
  file_uid INT UNSIGNED NOT NULL,
  device BIGINT UNSIGNED NOT NULL,
  inode BIGINT UNSIGNED NOT NULL,
  size BIGINT UNSIGNED NOT NULL,
  changed_ns BIGINT UNSIGNED NOT NULL,
  first_ns BIGINT UNSIGNED NOT NULL,
  last_ns BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (node_id, path_hash, sha256)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A node's word for its own files. Of a node 1,024 rows are kept (STORE_EXECUTABLES_MAX in user/store/executables.h): beyond it the one
-- that was told longest ago goes, files that are not root's first, so that nobody's own programs push out what the system is made of.
DROP PROCEDURE IF EXISTS own_executable;
CREATE PROCEDURE own_executable(IN in_class VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN in_path_hash BINARY(32),
  IN in_sha256 BINARY(32), IN in_path VARCHAR(4096) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN in_state SMALLINT UNSIGNED,
  IN in_listed SMALLINT UNSIGNED, IN in_package VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN in_version VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN in_file_uid INT UNSIGNED, IN in_device BIGINT UNSIGNED,
  IN in_inode BIGINT UNSIGNED, IN in_size BIGINT UNSIGNED, IN in_changed_ns BIGINT UNSIGNED)
SQL SECURITY DEFINER MODIFIES SQL DATA
BEGIN
  DECLARE my_node, my_now BIGINT UNSIGNED;
  CALL own_login(in_class, my_node);
  SET my_now = CAST(unix_timestamp(sysdate(6)) * 1000000 AS UNSIGNED) * 1000;
  IF coalesce(in_state, 0) NOT BETWEEN 1 AND 9 OR coalesce(in_listed, 5) > 4 OR coalesce(in_path, '') = '' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'an executable has a path and a known state';
  END IF;
  INSERT INTO executables (node_id, path_hash, sha256, path, state, listed, package, version, file_uid, device, inode, size, changed_ns,
    first_ns, last_ns)
  VALUES (my_node, in_path_hash, in_sha256, in_path, in_state, in_listed, in_package, in_version, in_file_uid,
    least(in_device, 9223372036854775807), least(in_inode, 9223372036854775807), least(in_size, 9223372036854775807),
    least(in_changed_ns, 4611686018427387903), my_now, my_now)
  ON DUPLICATE KEY UPDATE state = in_state, listed = in_listed, package = in_package, version = in_version, file_uid = in_file_uid,
    device = least(in_device, 9223372036854775807), inode = least(in_inode, 9223372036854775807),
    size = least(in_size, 9223372036854775807), changed_ns = least(in_changed_ns, 4611686018427387903),
    last_ns = greatest(last_ns + 1, my_now);
  IF (SELECT count(*) FROM executables e WHERE e.node_id = my_node) > 1024 THEN
    DELETE FROM executables WHERE node_id = my_node ORDER BY file_uid = 0, last_ns LIMIT 1;
  END IF;
END;

CREATE OR REPLACE VIEW v_executables AS
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
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (e.first_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(e.first_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS first_seen_at,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (e.last_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(e.last_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS last_seen_at
FROM executables e JOIN nodes n ON n.id = e.node_id;

-- What answered on a node's port when an honest scan looked first (trust on first use): its keys, its product and version.
-- fingerprint: "ssh:SHA256:... tls:SHA256:...". changed_ns: since when another product or version is seen, 0: it is not. Times are
-- the store's clock.
CREATE TABLE IF NOT EXISTS scan_keys (
  node_id BIGINT UNSIGNED NOT NULL,
  proto INT UNSIGNED NOT NULL,
  port INT UNSIGNED NOT NULL,
  fingerprint TEXT,
  product VARCHAR(255) NOT NULL DEFAULT '',
  version VARCHAR(255) NOT NULL DEFAULT '',
  first_ns BIGINT UNSIGNED NOT NULL,
  changed_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (node_id, proto, port)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

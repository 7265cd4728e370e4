-- What answered on a node's port when an honest scan looked first (trust on first use): its keys, its product and version.
-- fingerprint: "ssh:SHA256:... tls:SHA256:...". changed_ns: since when another product or version is seen, 0: it is not. Times are
-- the store's clock.
CREATE TABLE scan_keys (
  node_id INTEGER NOT NULL REFERENCES nodes (id),
  proto INTEGER NOT NULL,
  port INTEGER NOT NULL,
  fingerprint TEXT NOT NULL DEFAULT '',
  product TEXT NOT NULL DEFAULT '',
  version TEXT NOT NULL DEFAULT '',
  first_ns INTEGER NOT NULL,
  changed_ns INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (node_id, proto, port)
) STRICT, WITHOUT ROWID;

-- The ring of time. oldest_ns: nothing that is kept of this boot was received before it (0: not looked at yet); pruning keeps it and
-- finds by it the boots where there is something to do. rows_pruned: how many rows it has deleted, so that what is kept needs no counting.
ALTER TABLE journals ADD COLUMN oldest_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN rows_pruned BIGINT UNSIGNED NOT NULL DEFAULT 0,
  ADD KEY journals_oldest (oldest_ns);
UPDATE journals j SET rows_pruned = rows_stored - (SELECT count(*) FROM events e WHERE e.node_id = j.node_id AND e.boot_seq = j.boot_seq)
  WHERE base_seq > 0;

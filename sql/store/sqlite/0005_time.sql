-- The ring of time. oldest_ns: nothing that is kept of this boot was received before it (0: not looked at yet); pruning keeps it and
-- finds by it the boots where there is something to do. rows_pruned: how many rows it has deleted, so that what is kept needs no counting.
ALTER TABLE journals ADD COLUMN oldest_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journals ADD COLUMN rows_pruned INTEGER NOT NULL DEFAULT 0;
CREATE INDEX journals_oldest ON journals (oldest_ns);
-- Of stores that were pruned before: only the sum over a node's boots is right, and only that is asked for.
UPDATE journals SET rows_pruned = (SELECT n.event_count FROM nodes n WHERE n.id = journals.node_id)
    - (SELECT count(*) FROM events e WHERE e.node_id = journals.node_id)
  WHERE boot_seq = (SELECT min(k.boot_seq) FROM journals k WHERE k.node_id = journals.node_id AND k.base_seq > 0);

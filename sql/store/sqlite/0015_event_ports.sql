-- The port stands in the indexes of time, behind what sorts: a timeline of one port passes over all others without reading their rows.
DROP INDEX events_happened;
CREATE INDEX events_happened ON events (happened_ns, node_id, boot_seq, seq, port);
DROP INDEX events_node_happened;
CREATE INDEX events_node_happened ON events (node_id, happened_ns, boot_seq, seq, port);

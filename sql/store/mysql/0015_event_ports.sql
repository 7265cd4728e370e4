-- The port stands in the indexes of time, behind what sorts: a timeline of one port passes over all others without reading their rows.
ALTER TABLE events
  DROP KEY events_happened,
  ADD KEY events_happened (happened_ns, node_id, boot_seq, seq, port),
  DROP KEY events_node_happened,
  ADD KEY events_node_happened (node_id, happened_ns, boot_seq, seq, port);

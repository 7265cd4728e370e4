-- Judging is per boot: what cannot be read is counted (refused, once a record: refused_seq), and so is a boot that cannot be judged.
ALTER TABLE journals
  ADD COLUMN refused_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN failed_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN failed_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN failed_why VARCHAR(512) NOT NULL DEFAULT '';
ALTER TABLE nodes
  ADD COLUMN refused_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN refused_ns BIGINT UNSIGNED NOT NULL DEFAULT 0;

-- Whatever an account says of how far it has stored, the rows have to show it: one that claims the record of a number inserted it before,
-- in the same transaction. What is not so is refused, never corrected: nobody's word moves what is stored.
DROP TRIGGER IF EXISTS journals_stored;
CREATE TRIGGER journals_stored BEFORE UPDATE ON journals FOR EACH ROW
  IF NEW.stored_seq > OLD.stored_seq AND NOT EXISTS (SELECT 1 FROM events e WHERE e.node_id = NEW.node_id AND e.boot_seq = NEW.boot_seq
    AND e.seq = NEW.stored_seq) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no such record is stored'; END IF;

-- A node has at most 256 boots that nobody has judged, or of which nothing came (BOOTS_PENDING_MAX in store/events.c). 1226: try later.
DROP TRIGGER IF EXISTS journals_new;
CREATE TRIGGER journals_new BEFORE INSERT ON journals FOR EACH ROW
  IF NOT EXISTS (SELECT 1 FROM journals j WHERE j.node_id = NEW.node_id AND j.boot_seq = NEW.boot_seq)
    AND (SELECT count(*) FROM journals j WHERE j.node_id = NEW.node_id AND (j.is_pending = 1 OR j.stored_seq = 0)) >= 256
  THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1226, MESSAGE_TEXT = 'the node has too many boots that nobody has judged'; END IF;

-- A report's numbers are the node's word; sums over nodes must not overflow.
DROP TRIGGER IF EXISTS node_health_new;
CREATE TRIGGER node_health_new BEFORE INSERT ON node_health FOR EACH ROW
  SET NEW.agent_age_ns = least(NEW.agent_age_ns, 4611686018427387903), NEW.seq = least(NEW.seq, 9223372036854775806),
    NEW.journal_bytes = least(NEW.journal_bytes, 1125899906842624), NEW.journal_max_bytes = least(NEW.journal_max_bytes, 1125899906842624),
    NEW.backlog_records = least(NEW.backlog_records, 1125899906842624), NEW.backlog_bytes = least(NEW.backlog_bytes, 1125899906842624),
    NEW.backlog_ns = least(NEW.backlog_ns, 4611686018427387903), NEW.lost = least(NEW.lost, 1125899906842624),
    NEW.conflicts = least(NEW.conflicts, 1125899906842624), NEW.quarantined = least(NEW.quarantined, 1125899906842624),
    NEW.interval_ns = least(NEW.interval_ns, 86400000000000), NEW.wall_ns = least(NEW.wall_ns, 4611686018427387903),
    NEW.rtt_ns = least(NEW.rtt_ns, 86400000000000), NEW.stepped_ns = least(NEW.stepped_ns, 4611686018427387903);

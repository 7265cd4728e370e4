-- One installation of a node is the current one, whatever a transaction has read before: own_report() looks for another without a lock,
-- and in a transaction that is older than that other's report does not see it. Who comes second is refused, as if it had been seen, until
-- it reports again. (own_report() itself stays: a procedure that is made anew loses what the nodes' accounts may do with it.)
DROP TRIGGER IF EXISTS node_health_current;
CREATE TRIGGER node_health_current BEFORE INSERT ON node_health FOR EACH ROW
  IF NEW.standing = 1 AND (SELECT count(*) FROM (SELECT h.installation FROM node_health h WHERE h.node_id = NEW.node_id AND h.standing = 1
    AND h.installation <> NEW.installation LOCK IN SHARE MODE) o) > 0
  THEN SET NEW.standing = 2, NEW.accepted_ns = 0; END IF;

-- Which notifier or monitor carries a sink's changes, and until when: of several on one store, one. See user/store/sinks.h.
ALTER TABLE sink_states ADD COLUMN holder VARCHAR(255) NOT NULL DEFAULT '';
ALTER TABLE sink_states ADD COLUMN lease_ns BIGINT UNSIGNED NOT NULL DEFAULT 0;

-- The analyst's side of alerts. Frozen: a change is a new revision.

-- What detection knows (episode) is apart from what people make of it (status).
ALTER TABLE alerts
    ADD COLUMN episode TEXT DEFAULT 'open' NOT NULL,
    ADD COLUMN topics TEXT[] DEFAULT '{}' NOT NULL,
    ADD COLUMN held_by TEXT DEFAULT '' NOT NULL,
    ADD COLUMN told_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN told_severity TEXT DEFAULT '' NOT NULL,
    ADD COLUMN acknowledged_by TEXT DEFAULT '' NOT NULL,
    ADD COLUMN acknowledged_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN snoozed_until TIMESTAMP WITH TIME ZONE,
    ADD COLUMN reminders INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN reminded_at TIMESTAMP WITH TIME ZONE;
UPDATE alerts SET episode = CASE WHEN status = 'resolved' THEN 'over' ELSE 'open' END,
                  told_at = opened_at, told_severity = severity;
ALTER TABLE alerts
    ADD CONSTRAINT alerts_episode CHECK (episode IN ('open', 'over')),
    ADD CONSTRAINT alerts_snoozed CHECK ((status = 'snoozed') = (snoozed_until IS NOT NULL));
DROP INDEX alerts_one_active;
CREATE UNIQUE INDEX alerts_one_active ON alerts (entity_id, detector) WHERE episode = 'open';
CREATE INDEX alerts_unresolved ON alerts (status, alert_id) WHERE status <> 'resolved';
COMMENT ON TABLE alerts IS 'One row per episode. episode: what detection knows; status: what people made of it.';

ALTER TABLE alert_history
    ADD COLUMN action TEXT DEFAULT '' NOT NULL,
    ADD COLUMN until TIMESTAMP WITH TIME ZONE;

CREATE TABLE alert_feedback (
    feedback_id BIGINT GENERATED ALWAYS AS IDENTITY,
    alert_id UUID NOT NULL,
    verdict TEXT NOT NULL,
    why TEXT DEFAULT '' NOT NULL,
    actor TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (feedback_id),
    CONSTRAINT alert_feedback_verdict CHECK (verdict IN ('true', 'false_alarm'))
);
CREATE INDEX alert_feedback_alert ON alert_feedback (alert_id);
COMMENT ON TABLE alert_feedback IS 'Append-only: whether an alert was right, says an analyst; the newest of an alert counts.';

CREATE TABLE silences (
    silence_id UUID NOT NULL,
    matchers JSONB NOT NULL,
    reason TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expired_by TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (silence_id)
);
CREATE INDEX silences_ends_at ON silences (ends_at);
COMMENT ON TABLE silences IS 'Whoever matches all matchers is not told of, from starts_at to ends_at. Never deleted.';

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: what happened is not changed afterwards', TG_TABLE_NAME;
END
$$;
COMMENT ON FUNCTION append_only IS 'Refuses every UPDATE, DELETE and TRUNCATE of the table whose trigger it is.';
CREATE TRIGGER alert_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alert_history
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER alert_feedback_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alert_feedback
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE VIEW alert_verdicts AS
SELECT DISTINCT ON (f.alert_id) f.alert_id, a.entity_id, a.detector, a.severity, a.p_value, a.first_bucket,
       f.verdict, f.why, f.actor, f.at
FROM alert_feedback f
JOIN alerts a USING (alert_id)
ORDER BY f.alert_id, f.feedback_id DESC;
COMMENT ON VIEW alert_verdicts IS 'One row per alert that an analyst judged: the newest verdict beside what was claimed.';

GRANT SELECT ON alert_feedback, silences, alert_verdicts TO yuqing_reader;

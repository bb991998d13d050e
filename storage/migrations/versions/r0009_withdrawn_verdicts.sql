-- A verdict may be taken back. Frozen: a change is a new revision.

ALTER TABLE alert_feedback DROP CONSTRAINT alert_feedback_verdict;
ALTER TABLE alert_feedback
    ADD CONSTRAINT alert_feedback_verdict CHECK (verdict IN ('true', 'false_alarm', 'withdrawn'));

CREATE OR REPLACE VIEW alert_verdicts AS
SELECT n.alert_id, a.entity_id, a.detector, a.severity, a.p_value, a.first_bucket, n.verdict, n.why, n.actor, n.at
FROM (SELECT DISTINCT ON (alert_id) * FROM alert_feedback ORDER BY alert_id, feedback_id DESC) n
JOIN alerts a USING (alert_id)
WHERE n.verdict <> 'withdrawn';
COMMENT ON VIEW alert_verdicts IS
    'One row per alert that an analyst judged: the newest verdict beside what was claimed; none where that was taken back.';

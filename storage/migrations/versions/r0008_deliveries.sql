-- Deliveries in order, endpoints that rest, subscriptions. Frozen: a change is a new revision.

ALTER TABLE deliveries
    ADD COLUMN seq BIGINT GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN replayed_at TIMESTAMP WITH TIME ZONE;
-- The queue of one endpoint: what is due, and, for those that want their order kept, what comes first.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (endpoint, next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_order ON deliveries (endpoint, seq) WHERE state = 'pending';
COMMENT ON TABLE deliveries IS 'The outbox: written in the alert''s own transaction. state: pending, delivered or dead; seq: the order of writing.';

CREATE TABLE delivery_alerts (
    webhook_id TEXT NOT NULL,
    alert_id UUID NOT NULL,
    PRIMARY KEY (webhook_id, alert_id)
);
CREATE INDEX delivery_alerts_alert ON delivery_alerts (alert_id);
COMMENT ON TABLE delivery_alerts IS 'Which alerts a delivery is about: several where they were told of together.';
INSERT INTO delivery_alerts SELECT webhook_id, alert_id FROM deliveries WHERE alert_id IS NOT NULL;

CREATE TABLE endpoint_states (
    endpoint TEXT NOT NULL,
    failures INTEGER DEFAULT 0 NOT NULL,
    resting_until TIMESTAMP WITH TIME ZONE,
    disabled_at TIMESTAMP WITH TIME ZONE,
    why TEXT DEFAULT '' NOT NULL,
    enabled_by TEXT DEFAULT '' NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (endpoint)
);
COMMENT ON TABLE endpoint_states IS 'Endpoints that failed in a row, and rest, or that said 410 and are disabled until somebody enables them.';

CREATE TABLE subscriptions (
    subscription_id UUID NOT NULL,
    analyst TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    matchers JSONB DEFAULT '[]' NOT NULL,
    min_severity TEXT DEFAULT 'watch' NOT NULL,
    tier INTEGER DEFAULT 0 NOT NULL,
    quiet_from TIME,
    quiet_until TIME,
    zone TEXT DEFAULT 'UTC' NOT NULL,
    calendar TEXT DEFAULT '' NOT NULL,
    breakthrough TEXT DEFAULT 'critical' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (subscription_id),
    CONSTRAINT subscriptions_min_severity CHECK (min_severity IN ('watch', 'warning', 'critical')),
    CONSTRAINT subscriptions_breakthrough CHECK (breakthrough IN ('', 'watch', 'warning', 'critical')),
    CONSTRAINT subscriptions_quiet CHECK ((quiet_from IS NULL) = (quiet_until IS NULL)),
    CONSTRAINT subscriptions_tier CHECK (tier >= 0)
);
CREATE INDEX subscriptions_endpoint ON subscriptions (endpoint);
COMMENT ON TABLE subscriptions IS 'Which analyst hears of which alerts where, and when not. An endpoint without any hears of everything.';

GRANT SELECT ON delivery_alerts, subscriptions TO yuqing_reader;

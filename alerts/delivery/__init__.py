"""From an event to the people who asked for it: subscriptions, outbox, signed webhooks, channels, digests."""

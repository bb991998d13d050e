"""From trend counts to episodes: what is normal, what too improbable, and why: a function of the stored stream."""

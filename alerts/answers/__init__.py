"""What people make of an alert: its lifecycle, silences, feedback and the way back. Wall clock and actors."""

"""Maintenance windows: `window_requests` reads what people plan, `window_messages` shows what is planned."""

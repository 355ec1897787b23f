"""The fleet at one look: read `fleet_status` first. `process_announcements` is what processes say of themselves."""

"""The fleet at one look: read `fleet_status` first.

`process_announcements` is what processes say of themselves, and `store_statistics` what is counted of the database.
`upgrade_phases` is how far its tables are upgraded, and `upgrade_plan` what is left to do for that.
"""

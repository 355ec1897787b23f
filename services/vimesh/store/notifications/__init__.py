"""Receivers of notifications in the database.

`sql_receiver_store` is what people ask for: `change_receivers` and `read_receivers`, and the notifications on record in
`notification_records`. `sql_delivery_store` is what notifiers ask for: `claim_receivers` gives each receiver to one of
them, and `record_delivery` is the fence, after which nothing counts from a notifier that has lost its claim.
"""

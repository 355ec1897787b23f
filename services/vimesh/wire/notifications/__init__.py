"""Receivers and notifications as messages, in both directions: notifiers read what conductors write.

`receiver_messages` and `target_messages` have what people say, `notification_messages` what is sent, and
`delivery_messages` what notifiers claim and record.
"""

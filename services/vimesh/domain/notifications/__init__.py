"""Notifications: who is told when VIMs are lost and found, and what of.

`receivers` says who is told, `targets` how they are reached, `notifications` what is sent, `notices` what was told
last. `receiver_store` and `delivery_store` say what is stored of all that, `receiver_checks` what is refused, and
`target_secrets` what is shown of targets.
"""

"""Receivers of notifications: `receiver_service` is for people, `notifier_service` for those who tell them."""

"""Senders: the code that tells a receiver in its own language. One module for each kind of target.

`sender.py` says what a sender promises, `open_sender.py` which kind has which, `delivery_progress.py` what repeats need
not tell, `parted_delivery.py` what is done if a notification is too large. `http/` is what those over HTTP share,
`templates/` what webhooks are made by, `texts/` the words for people, `target_guard.py` which addresses may be
connected to.
"""

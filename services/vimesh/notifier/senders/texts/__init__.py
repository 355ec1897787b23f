"""What notifications say: `notification_texts.py` to people, `notification_document.py` to programs."""

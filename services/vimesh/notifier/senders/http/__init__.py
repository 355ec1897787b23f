"""What senders over HTTP share. `http_poster.py` sends one request and judges its answer; start there."""

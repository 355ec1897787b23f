"""Templates of webhooks: rendered in processes of their own (`template_process.py`), of which few run at once."""

"""Says what VIMs are shown with besides their rows: maintenance, flapping, and what vantages say."""

"""Says what VIMs are shown with besides their rows: maintenance, flapping, what vantages say, and conditions."""

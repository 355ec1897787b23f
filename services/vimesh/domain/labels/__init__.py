"""Labels, by which people select VIMs. Start with `label_syntax`."""

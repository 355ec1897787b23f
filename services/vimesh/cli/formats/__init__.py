"""The formats that `--output` can ask for. Start with `output_formats.py`."""

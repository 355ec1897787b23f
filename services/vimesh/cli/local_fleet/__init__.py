"""A whole fleet on one machine. It keeps everything in one folder, and one fleet has it at a time."""

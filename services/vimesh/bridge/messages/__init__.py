"""Messages of oslo.messaging. Nothing of unbounded size is decoded."""

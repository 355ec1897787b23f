"""What requests and answers hold, as Tacker has it. Asks no conductor."""

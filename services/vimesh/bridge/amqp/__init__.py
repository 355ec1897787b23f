"""The connection to RabbitMQ and what is declared there. What already exists is used as it is."""

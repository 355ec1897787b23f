"""The connection to RabbitMQ, and the queues declared over it. Existing queues are used as they are."""

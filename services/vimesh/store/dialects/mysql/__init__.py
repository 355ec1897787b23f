"""MariaDB and MySQL, and the nodes of a Galera cluster."""

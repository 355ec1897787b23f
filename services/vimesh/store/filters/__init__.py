"""Makes conditions of SQL of filters. `sql_condition` is where to start; `domain.filters` says what filters are."""

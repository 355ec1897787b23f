"""Who calls, and what is on record about it: roles, projects, and entries of the audit."""

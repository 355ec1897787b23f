"""The conductor: the gRPC services, and the only process that opens the database.

Read `conductor_process` first to see how the parts fit together, then `conductor_service` (reports), `vim_service`
(people and orchestrators) and `workflow_service` (the Mistral driver). Any number of conductors share one database.
There is no leader, and no conductor holds state that another one needs. SQL is in `store`, the judgement of reports in
`domain.vims`.
"""

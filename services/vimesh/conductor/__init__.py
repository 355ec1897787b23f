"""The conductor: the gRPC services, and the only process that opens the database.

Read `conductor_process` for how it is put together, then `conductor_service` (reports), `vim_service` (people and
orchestrators) and `workflow_service` (the driver of Mistral). Any number of conductors share one database; none leads,
and none keeps anything that another one would miss. SQL is in `store`, the judgement of reports in `domain.vims`.
"""

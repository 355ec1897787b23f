"""The api process: Tacker's REST API, and the driver that keeps Mistral's workflows in line with the wanted actions.

Read `api_process` first, then `rest/rest_app` for REST and `workflows/task_worker` for Mistral; `audit` compares and
repairs workflows. Any number of api processes may run: they are gRPC clients of the conductors, hold no state, and
claim each task before they work on it. Nothing here opens a database or judges a status.
"""

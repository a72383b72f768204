"""`acr purge` as Azure's registry runs it in a task: its rules and its words, without a registry or a network.

Source: Azure/acr-cli, cmd/acr/purge.go, cmd/repository/image_functions.go and internal/worker/purger.go, and
their tests.
"""

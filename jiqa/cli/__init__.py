"""The command `jiqa`: one module for each command."""

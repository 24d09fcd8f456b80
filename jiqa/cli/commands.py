"""Texts and types shared by the commands."""

import argparse
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

DATA_DIR = "folder of databases [~/.cache/jiqa/databases]"

"""Python runs this at its start: makes the children of a bare process bare, after what needs the whole machine."""
# ruff: noqa: F401

import asyncio
import concurrent.futures.thread
import logging.handlers
import multiprocessing.connection
import multiprocessing.managers
import multiprocessing.pool
import multiprocessing.popen_spawn_posix
import multiprocessing.spawn
import multiprocessing.synchronize
import os
import platform
import random
import shutil
import socketserver
import subprocess
import sys
import tempfile
import uuid

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import bare

sys.path.pop(1)

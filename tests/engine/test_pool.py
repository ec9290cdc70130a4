"""The end of a pool: nothing is left that Python's own farewell could trip over."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import process as executors

from stabcheck.engine import pool


def test_a_pool_that_is_dismissed_is_not_woken_at_exit(monkeypatch):
    """Not even where its manager takes longer to end than anybody waits for it."""
    monkeypatch.setattr(pool, "_PATIENCE", 0.0)
    workers = ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn"))
    busy = workers.submit(time.sleep, 60)
    while not busy.running():
        time.sleep(0.01)
    manager = workers._executor_manager_thread
    assert manager in executors._threads_wakeups
    pool.dismiss(workers)
    assert manager not in executors._threads_wakeups
    manager.join(30)
    assert not manager.is_alive()

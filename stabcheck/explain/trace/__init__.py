"""Trace: a target run once with every array operation observed and its exact value beside it."""

from stabcheck.explain.trace.nodes import Node, Step
from stabcheck.explain.trace.places import Place
from stabcheck.explain.trace.records import Record, Trace
from stabcheck.explain.trace.run import trace

__all__ = ["Node", "Place", "Record", "Step", "Trace", "trace"]

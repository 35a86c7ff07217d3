"""Typed exceptions: one sentence that names what is wrong, where, and what to do.

The command line prints the sentence and exits with status 2; it shows no stack trace for them.
"""

from __future__ import annotations


class RlgenError(Exception):
    """Base of every error that a user can mend."""


class ConfigError(RlgenError):
    """A field of a config is unknown, of the wrong type or out of range."""


class DataError(RlgenError):
    """A file or a data set is missing, malformed or of the wrong layout."""


class SignalError(RlgenError):
    """A recording cannot be used: unreadable, silent, of the wrong rate, or not finite."""


class ArtifactError(RlgenError):
    """A frozen model is missing, damaged (hash) or of another format."""


class ActionError(RlgenError):
    """An action has the wrong shape, is not finite or lies outside the action space."""


class PopulationError(RlgenError):
    """Users cannot be, or cannot go on: impossible parameters, or people of one's own who give what no people can."""


class RewardError(RlgenError):
    """A step cannot be scored: what a reward term reads is missing or not finite."""


class TrainingError(RlgenError):
    """Training diverged: weights or losses are not finite."""


class ShardError(RlgenError):
    """A process that holds rows of a world is gone, or found no place (`rlgen.envs.shards`)."""


class AuditError(RlgenError):
    """An audit log cannot be written or read."""


class PartError(RlgenError):
    """A part of one's own raised something while it ran, or gave what nobody can use (`rlgen.seams.own_fault`)."""


class CheckError(RlgenError):
    """A part of one's own breaks a law that those who use it rely on (`rlgen.checks`)."""

"""The guard: the last word on what is said, and the log of every time that it was used.

In come what the person said and the reply; out come `rlgen.types.Verdict`s: allow, replace or escalate, with costs.
"""

from rlgen.governance.audit import AuditLog, Report, verify
from rlgen.governance.config import GuardConfig
from rlgen.governance.guard import OutputGuard

__all__ = ["AuditLog", "GuardConfig", "OutputGuard", "Report", "verify"]

"""The last word on what is said, and the log of every time it was used."""

from rlgen.governance.audit import AuditLog, Report, verify
from rlgen.governance.config import GuardConfig
from rlgen.governance.guard import OutputGuard

__all__ = ["AuditLog", "GuardConfig", "OutputGuard", "Report", "verify"]

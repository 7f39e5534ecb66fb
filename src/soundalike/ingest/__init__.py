"""A source of sounds becomes rows in storage: plan, analyse in workers, commit in whole batches, resume."""

from soundalike.ingest.report import Failure, Progress, Report
from soundalike.ingest.run import IngestSettings, ingest

__all__ = ["Failure", "IngestSettings", "Progress", "Report", "ingest"]
